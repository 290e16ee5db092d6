"""Signed sessions: who is speaking, until when, and the token that their forms must carry."""

import secrets

from itsdangerous import BadData, URLSafeTimedSerializer

from judge.records import Record
from judge.store.annotation_base import Rater

COOKIE = "cvalues_room"
LASTS = 12 * 3600
"""Seconds after which a session has to be begun anew by a link."""


class Session(Record):
    """What the cookie says; nothing in it is secret, and nothing in it can be changed."""

    run: str
    rater: str
    epoch: int
    csrf: str


def begin(secret: str, run: str, rater: Rater) -> str:
    """Write the cookie of a new session."""
    session = Session(run=run, rater=rater.rater, epoch=rater.epoch, csrf=secrets.token_urlsafe(24))
    return str(_signer(secret).dumps(session.model_dump()))


def read(secret: str, run: str, cookie: str | None) -> Session | None:
    """Read a cookie; None where it is missing, forged, too old, or for another run."""
    if not cookie:
        return None
    try:
        session = Session.model_validate(_signer(secret).loads(cookie, max_age=LASTS))
    except (BadData, ValueError):
        return None
    return session if session.run == run else None


def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="cvalues.room")
