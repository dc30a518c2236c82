"""Update AIOS itself: what is new, a release of it that is built, checked and taken; or the one before.

At any time, also after a power cut, the link ``current`` leads to a release that is whole. Agents and their
sessions are never touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aios_app.domain.errors import AiosError, ConflictError, InstanceBusy, StackError
from aios_app.git.upstream import News, check_out, fetch_news, origin_of, origin_of_release
from aios_app.settings import Settings
from aios_app.stack.building import build, check, copy_database, reads_schema, schema_of
from aios_app.stack.packaged import update_command
from aios_app.stack.releases import Notes, Releases
from aios_app.stack.restarting import is_between, restart, stop_programs

logger = logging.getLogger(__name__)

_BUILD_LIMIT_S = 1800.0
#: Characters of a failure that are kept.
_MOST_WORDS = 2000

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the code runs that updates, and the instance whose programs go over to the new release."""

    settings: Settings
    running: Path  #: the top of the checkout, or what holds the packages
    fetch_s: float = 60

    @property
    def releases(self) -> Releases:
        return Releases(self.settings)

    @property
    def database_before(self) -> Path:
        """The database as it was before the last update."""
        return self.settings.database.with_suffix(".db.before-update")

    def current(self) -> Path:
        """The checkout that is installed; ``ConflictError`` with what to do where updates are not ours."""
        if not (self.running / ".git").exists():
            raise ConflictError(f"AIOS was installed as a package: {update_command()}")
        current = self.releases.current
        if current is None or (self.running != current and not self.releases.is_release(self.running)):
            raise ConflictError(f"{self.running} is not installed: git pull there, then script/setup")
        return current


def look_for_update(place: Installation) -> News:
    """What upstream has that the installed version has not. Changes nothing but our own clone."""
    releases, current = place.releases, place.current()
    with releases.updating() as lock, _noting(releases):
        is_ours = releases.is_release(current)
        origin = origin_of_release(current) if is_ours else origin_of(current)
        news = fetch_news(releases.source, origin, current, timeout_s=place.fetch_s, keep_open=[lock])
        if not news.behind:
            releases.note(replace(releases.notes, failure="", failed_s=0))
    return news


def make_release(place: Installation, commit: str, tell: Tell) -> None:
    """Builds and checks the release of a commit that ``look_for_update`` found; nothing uses it yet."""
    releases, old = place.releases, place.current()
    release = releases.place(commit)
    with releases.updating() as lock, _noting(releases):
        if not releases.is_ready(release):
            _make(place, release, old, lock, tell)


def take_release(place: Installation, commit: str, tell: Tell) -> None:
    """Goes over to a release that was made.

    Raises ``AiosError`` where it is not taken: then the version that was there before is at work.
    """
    releases, old = place.releases, place.current()
    release = releases.place(commit)
    with releases.updating():
        with _noting(releases):
            if not releases.is_ready(release):
                raise StackError(f"{release} was never built: aios update")
            copy_database(place.settings.database, place.database_before)
        _go_over(place, release, old, skipped=commit, tell=tell)
        releases.note(Notes())
        releases.clear_old()


def go_back(place: Installation, tell: Tell) -> None:
    """Goes over to the release before; the newer one is not taken again by itself."""
    releases, newer = place.releases, place.current()
    with releases.updating():
        before = releases.previous
        if before is None:
            raise ConflictError("there is no version before this one to go back to")
        if not reads_schema(before, schema_of(place.settings.database)):
            raise ConflictError(
                "the version before cannot read the database any more; as it was before the update it is "
                f"in {place.database_before}"
            )
        _go_over(place, before, newer, skipped=releases.notes.skipped, tell=tell)
        releases.note(Notes(skipped=newer.name))


def finish_update(place: Installation, tell: Tell) -> bool:
    """Where an update was cut off after its switch: its programs are started; False where none was."""
    releases, current = place.releases, place.current()
    before = releases.previous
    is_cut_off = releases.notes.taking == current.name
    if before is None or not (is_cut_off or is_between(place.settings, before, current)):
        return False
    with releases.updating():
        _go_over(place, current, before, skipped=current.name, tell=tell)
        releases.note(replace(releases.notes, taking=""))
    return True


def _make(place: Installation, release: Path, old: Path, lock: int, tell: Tell) -> None:
    """What an earlier, killed update left of it is begun anew."""
    releases = place.releases
    releases.clear(release)
    try:
        check_out(releases.source, release.name, release, keep_open=[lock])
        tell(f"building {release.name[:7]}: this takes minutes")
        build(release, old, place.settings, limit_s=_BUILD_LIMIT_S, keep_open=[lock])
        tell("ok  built")
        check(release, old, place.settings)
        tell("ok  checked: it starts, and takes over a copy of the database")
        releases.mark_ready(release)
    except BaseException:
        releases.clear(release)
        raise


def _go_over(place: Installation, new: Path, old: Path, *, skipped: str, tell: Tell) -> None:
    """Switches and restarts; a version that does not come up is undone, and ``StackError`` says so."""
    releases = place.releases
    previous = releases.previous
    releases.note_taking(new)
    if releases.current != new:
        releases.switch(new)
    tell(f"ok  current: {new}")
    try:
        names = restart(place.settings, new)
    except (AiosError, OSError) as error:
        tell(f"{new.name[:7]} does not come up: going back")
        failure = _undone(place, new, old, previous, error)
        releases.note_failure(_words(failure), skipped=skipped)
        raise failure from error
    done = f"ok  restarted {', '.join(names)}; agents went on" if names else "the stack is down: aios up"
    tell(done)


def _undone(place: Installation, new: Path, old: Path, previous: Path | None, error: Exception) -> StackError:
    """Goes back to the version before; what is to be said of that."""
    try:
        _undo(place, new, old, previous)
    except (AiosError, OSError) as second:
        message = f"{new.name[:7]} did not come up, nor did the version before it: aios down, then aios up"
        return StackError(message, f"{error}\n{second}")
    return StackError(f"{new.name[:7]} did not come up, the version before it is back", str(error))


def _undo(place: Installation, new: Path, old: Path, previous: Path | None) -> None:
    place.releases.undo_switch(old, None if previous == new else previous)
    if not reads_schema(old, schema_of(place.settings.database)):
        stop_programs(place.settings)
        database = place.settings.database
        copy_database(database, database.with_suffix(f".db.of-{new.name[:7]}"))
        copy_database(place.database_before, database)
    restart(place.settings, old)


@contextmanager
def _noting(releases: Releases) -> Iterator[None]:
    """Why it failed is kept, for those who ask later; trouble with the disk is a ``StackError``."""
    try:
        yield
    except InstanceBusy:
        raise
    except (AiosError, OSError) as error:
        failure = error if isinstance(error, AiosError) else StackError(f"the update cannot write: {error}")
        releases.note_failure(_words(failure))
        logger.info("not updated: %s", failure)
        if failure is error:
            raise
        raise failure from error


def _words(error: AiosError) -> str:
    return str(error)[:_MOST_WORDS]
