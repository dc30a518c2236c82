"""The saved projects: numbers that do not shift, names that are unique, tags."""

from __future__ import annotations

import fnmatch
import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from aios_app.domain.errors import BadValue, ProjectExists, UnknownProject, UsageError
from aios_app.domain.models import Project
from aios_app.domain.naming import title_of
from aios_app.store.database import Table, Transaction
from aios_app.store.wording import did_you_mean

_TAG = re.compile(r"(?!\d+\Z)[A-Za-z0-9._-]{1,30}", re.ASCII)


class ProjectTable(Table):
    """The projects of the catalogue. ``ref`` is a number or an exact name."""

    def projects(self) -> list[Project]:
        with self._db.reading() as tx:
            return read_projects(tx)

    def find_project(self, ref: str) -> Project:
        return _find(self.projects(), ref)

    def project_at(self, path: Path) -> Project | None:
        """The project of this machine whose root is exactly ``path``."""
        with self._db.reading() as tx:
            return _at(tx, read_projects(tx), _place(path), None)

    def add_url(self, url: str, *, name: str) -> Project:
        """Saves a project that any machine may clone; as ``add_project`` else."""
        with self._db.writing() as tx:
            saved = read_projects(tx)
            twin = next((project for project in saved if project.url == url and not project.path), None)
            if twin is not None:
                raise ProjectExists(f"{url} is saved already: {twin.number} {twin.name}")
            return _add(tx, saved, path="", name=name, url=url, machine_id="")

    def add_project(
        self, path: Path, *, name: str = "", url: str | None = None, machine_id: str | None = None
    ) -> Project:
        """Saves a project under a number never given before and a name of its own.

        The name (default: the directory's) gets a suffix where it is taken or would be read as a number.
        """
        place = _place(path)
        with self._db.writing() as tx:
            saved = read_projects(tx)
            twin = _at(tx, saved, place, machine_id)
            if twin is not None:
                raise ProjectExists(f"{place} is saved already: {twin.number} {twin.name}")
            return _add(tx, saved, path=place, name=name, url=url, machine_id=machine_id)

    def remove_project(self, ref: str) -> Project:
        """Forgets a project with its tags and settings; the repository and all other numbers stay."""
        with self._db.writing() as tx:
            project = _find(read_projects(tx), ref)
            tx.run("remove_project", uuid=project.uuid)
        return project

    def renumber(self) -> list[Project]:
        """Closes the gaps: the projects are numbered from 0 in the order they have."""
        with self._db.writing() as tx:
            saved = read_projects(tx)
            for number, project in enumerate(saved):
                tx.run("number_project", uuid=project.uuid, number=number)
            tx.run("set_highest_project", number=len(saved) - 1)
            return read_projects(tx)

    def tag(self, ref: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Project:
        """Adds and removes tags; one that is there, or not there, already is no error."""
        for word in add:
            if _TAG.fullmatch(word) is None:
                raise BadValue(f"{word!r} is no tag: up to 30 of A-Z a-z 0-9 . _ -, and not only digits")
        with self._db.writing() as tx:
            uuid = _find(read_projects(tx), ref).uuid
            for word in add:
                tx.run("add_tag", uuid=uuid, tag=word)
            for word in remove:
                tx.run("remove_tag", uuid=uuid, tag=word)
            tx.run("touch_project", uuid=uuid)
            return next(project for project in read_projects(tx) if project.uuid == uuid)

    def select_projects(self, only: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[Project]:
        """The projects that ``only`` (default: all) names and ``exclude`` does not, by number.

        A word is a name, a number, a pattern such as ``web-*``, or a tag, and must match something.
        """
        saved = self.projects()
        if not saved:
            raise UsageError("no projects are saved: aios add PATH saves one")
        wanted = _matching(saved, only) if only else saved
        unwanted = _matching(saved, exclude)
        chosen = [project for project in wanted if project not in unwanted]
        if not chosen:
            raise UsageError("no project is left: --except takes away all that --only names")
        return chosen


def read_projects(tx: Transaction) -> list[Project]:
    """All projects, by number."""
    rows = [dict(row) for row in tx.rows("projects")]
    return [
        Project(
            **{
                **row,
                "tags": tuple(sorted((row["tags"] or "").split())),
                "is_anywhere": bool(row["is_anywhere"]),
            }
        )
        for row in rows
    ]


def _add(
    tx: Transaction,
    saved: Sequence[Project],
    *,
    path: str,
    name: str,
    url: str | None,
    machine_id: str | None,
) -> Project:
    free = free_name(name or Path(path).name, {project.name for project in saved})
    tx.run("next_project_number")
    tx.run("add_project", path=path, name=free, url=url, machine_id=machine_id)
    return read_projects(tx)[-1]


def free_name(wanted: str, taken: Collection[str]) -> str:
    """``wanted`` as a name that can be typed, made unique: shop, shop-2, shop-3."""
    base = title_of(wanted).replace("/", "-").lstrip("-")
    base = base if base.strip(". ") else "project"
    names = itertools.chain([base], (f"{base}-{count}" for count in itertools.count(2)))
    return next(name for name in names if name not in taken and not name.isdecimal())


def _find(saved: Iterable[Project], ref: str) -> Project:
    names = {}
    for project in saved:
        names[project.name] = project
        if _is_called(project, ref):
            return project
    raise UnknownProject(f"there is no project {ref!r}{did_you_mean(ref, names)} (aios p lists them)")


def _is_called(project: Project, ref: str) -> bool:
    return ref in (project.name, str(project.number))


def _matching(saved: Sequence[Project], words: Iterable[str]) -> list[Project]:
    found: set[str] = set()
    for word in words:
        matches = {project.uuid for project in saved if _matches(project, word)}
        if not matches:
            known = [project.name for project in saved] + [tag for project in saved for tag in project.tags]
            raise UnknownProject(f"no project, number or tag matches {word!r}{did_you_mean(word, known)}")
        found |= matches
    return [project for project in saved if project.uuid in found]


def _matches(project: Project, word: str) -> bool:
    return _is_called(project, word) or word in project.tags or fnmatch.fnmatchcase(project.name, word)


def _place(path: Path) -> str:
    place = str(path.absolute())
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in place):
        raise BadValue(f"{place!r} holds control characters or bytes that are no text: rename the directory")
    return place


def _at(tx: Transaction, saved: Iterable[Project], place: str, machine_id: str | None) -> Project | None:
    machine = machine_id or tx.rows("machine")[0]["id"]
    return next((p for p in saved if p.path == place and p.machine_id == machine), None)
