"""What ``aios doctor`` looks at where there are, or may be, other machines."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack.address import check_outside_redis
from aios_app.stack.certificates import expires
from aios_app.stack.doctor import Check
from aios_app.stack.locks import is_held

_NAME = "cluster"
_SOON = datetime.timedelta(days=60)


def cluster_checks(settings: Settings) -> list[Check]:
    """All findings; none for an instance that is alone."""
    return [*_redis(settings), *_relay(settings), *_certificates(settings)]


def _redis(settings: Settings) -> Iterator[Check]:
    if settings.is_member:
        try:
            check_outside_redis(settings)
        except StackError as error:
            yield Check(name=_NAME, ok=False, says=str(error), mend="aios machines, on another machine")
        else:
            yield Check(name=_NAME, ok=True, says="member; the cluster's Redis lets this machine in")


def _relay(settings: Settings) -> Iterator[Check]:
    if settings.listen and settings.redis_url is None:
        is_up = is_held(settings.run_dir / "relay.lock")
        says = f"open to other machines at {settings.listen}:{settings.relay_port}"
        yield Check(
            name=_NAME, ok=is_up, says=says if is_up else f"{says}, but no relay runs", mend="aios up"
        )


def _certificates(settings: Settings) -> Iterator[Check]:
    """The other ones are made anew by the program that shows them; everybody holds a copy of this."""
    authority = settings.cluster_dir / "authority.pem"
    if not authority.is_file():
        return
    try:
        end = expires(authority)
    except StackError as error:
        yield Check(name=_NAME, ok=False, says=str(error), mend="aios worker --join TOKEN")
        return
    is_good = end - datetime.datetime.now(datetime.UTC) > _SOON
    says = f"the certificate of the cluster's Redis is good until {end:%Y-%m-%d}"
    yield Check(name=_NAME, ok=is_good, says=says, mend="let the machines join anew")
