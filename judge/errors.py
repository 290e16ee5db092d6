"""The errors of the engine, drawn as a tree and split by whether a retry can help.

JudgeError
├── ConfigError            the user's input or settings are wrong: exit 2
├── NotTrusted             a judge's passport does not speak for it: exit 4
├── StoreError             the store cannot be opened, is in use, or does not match the run
│   ├── StoreUnreachable   its server does not answer; asking again may help
│   └── NotAStore          the file that was named is no store (a ConfigError too)
├── RunMismatch            a run of that name was made with other data, rubric or judge
├── BudgetExceeded         the next call would cross a limit that the user set
├── Stopped                somebody stopped the run before the next call
└── ModelError             one call to a provider gave no reply
    ├── TransportError     a retry can help
    │   ├── RateLimited        429, with the wait that the provider asked for
    │   ├── DeadlineExceeded   no whole reply within the call's deadline
    │   ├── ConnectionFailed   refused, reset or cut
    │   ├── ProviderFailed     5xx or 529
    │   │   └── ModelLoading       the server is up, its model is not yet
    │   └── BatchExpired       the batch ended before this line was answered
    └── RejectedError      a retry cannot help
        ├── AuthRejected       401 or 403
        ├── RequestRejected    400, 404 or 422
        │   ├── RungRejected       the provider does not know this way of asking for JSON
        │   ├── ParameterRejected  the model does not take a setting, or not its value
        │   └── AddressRejected    nothing of the kind is served at the address
        ├── ContentFiltered    the provider's filter stopped the call
        ├── ReplyTooLarge      the reply is longer than any verdict can be
        └── ReplyMalformed     the reply is whole and of another shape
"""

from judge.records import Reason


class JudgeError(Exception):
    """Base of every error that the engine raises on purpose."""


class ConfigError(JudgeError):
    """The user's input or settings are wrong; the message is one line that says how to fix it."""


class NotTrusted(JudgeError):
    """The passport of a judge is missing, stale, failed, or another judge's."""


class StoreError(JudgeError):
    """The store cannot be opened or written."""


class StoreUnreachable(StoreError):
    """The server of the store does not answer, or the connection to it was cut."""


class NotAStore(StoreError, ConfigError):
    """The file that was named as the store is none, and is left as it is."""


class RunMismatch(StoreError):
    """A run of that name exists and was made with something else."""


class BudgetExceeded(JudgeError):
    """The next call would cross a limit that the user set."""


class Stopped(JudgeError):
    """Somebody stopped the run before the next call."""


class ModelError(JudgeError):
    """One call to a provider gave no reply.

    The message holds a provider's own words only without what the request held and without keys:
    providers echo prompts and keys in them.
    """

    outcome: Reason = "error.transport"


class TransportError(ModelError):
    """The call failed on its way; the same call may succeed later.

    Attributes
    ----------
    retry_after : float | None
        Seconds that the provider asked to wait, None where it did not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(TransportError):
    """The provider asked for a pause."""

    outcome: Reason = "error.rate_limited"


class DeadlineExceeded(TransportError):
    """No whole reply arrived within the deadline of the call."""

    outcome: Reason = "error.timeout"


class ConnectionFailed(TransportError):
    """The connection was refused, reset or cut."""

    outcome: Reason = "error.transport"


class ProviderFailed(TransportError):
    """The provider answered with a server error."""

    outcome: Reason = "error.provider_5xx"


class BatchExpired(TransportError):
    """The provider's batch expired or was cancelled before it came to this line."""

    outcome: Reason = "error.expired"


class ModelLoading(ProviderFailed):
    """The server is up, but its model is not yet loaded."""


class RejectedError(ModelError):
    """The provider refused the call itself; asking again changes nothing."""


class AuthRejected(RejectedError):
    """The key is missing, wrong or not allowed to use this model."""

    outcome: Reason = "error.auth"


class RequestRejected(RejectedError):
    """The provider found the request malformed or too long."""

    outcome: Reason = "error.bad_request"


class RungRejected(RequestRejected):
    """The provider does not support this way of asking for a structured reply."""


class ParameterRejected(RequestRejected):
    """The model does not take a setting, or not the value that was sent.

    Attributes
    ----------
    param : str
        Name of the setting as it was sent.
    value : float | None
        The only value that the provider says it takes, None where it names none.
    """

    def __init__(self, message: str, param: str, value: float | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.value = value


class AddressRejected(RequestRejected):
    """Nothing of the kind is served at the address.

    Attributes
    ----------
    elsewhere : bool
        Whether the next call goes to another address.
    """

    def __init__(self, message: str, *, elsewhere: bool = False) -> None:
        super().__init__(message)
        self.elsewhere = elsewhere


class ContentFiltered(RejectedError):
    """The provider's content filter stopped the prompt."""

    outcome: Reason = "unscored.content_filtered"


class ReplyTooLarge(RejectedError):
    """The reply was longer than any verdict can be and was not read to its end."""

    outcome: Reason = "unscored.parse_invalid"


class ReplyMalformed(RejectedError):
    """The reply arrived whole but is not of the promised shape; asking again helps no more."""

    outcome: Reason = "unscored.parse_invalid"
