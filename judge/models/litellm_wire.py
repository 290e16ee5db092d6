"""The connections that all litellm models of one event loop share.

litellm keeps its HTTP clients in a cache of the whole process and can only close them all, so the
models count who is still using them, and the last to leave closes them.
"""

import asyncio
from weakref import WeakKeyDictionary

from judge.models.sessions import open_session

# litellm's cache of clients is global, so what guards it must be too.
_wires: WeakKeyDictionary[asyncio.AbstractEventLoop, "Wire"] = WeakKeyDictionary()


class Wire:
    """One HTTP session, and who is using it."""

    def __init__(self) -> None:
        self.session = open_session(guarded=True)
        self._users: set[object] = set()

    def enter(self, user: object) -> None:
        """Count a user in."""
        self._users.add(user)

    def leave(self, user: object) -> bool:
        """Count a user out; True for the last, who has to close the session."""
        self._users.discard(user)
        if self._users:
            return False
        _wires.pop(asyncio.get_running_loop(), None)
        return True


def join_wire(user: object) -> Wire:
    """Count a user into the wire of the running event loop, opening it for the first."""
    loop = asyncio.get_running_loop()
    if loop not in _wires:
        _wires[loop] = Wire()
    _wires[loop].enter(user)
    return _wires[loop]
