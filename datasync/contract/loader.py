"""A contract's file in, the typed and linted contract out, or every problem at once with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from datasync.contract.lint.surroundings import MARKERS, project_root
from datasync.contract.model import Contract
from datasync.contract.suites import with_suites
from datasync.contract.yaml_tree import Tree, read_tree
from datasync.errors import ContractError, Problem, UsageError

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class LoadedContract:
    """A contract and where it came from.

    Attributes:
        path: its file.
        hash: SHA-256 of its bytes.
        advice: problems that refuse nothing.
        content: its bytes.
        rewritten: its file is in another spelling, and hash, tree and content are those of the contract made of it.
    """

    contract: Contract
    path: Path
    hash: str
    tree: Tree = field(repr=False)
    advice: tuple[Problem, ...] = ()
    content: bytes = field(default=b"", repr=False)
    rewritten: bool = False


def load_contract(path: Path | str) -> LoadedContract:
    """Read, type and lint one contract.

    Args:
        path: a YAML file in any known spelling.

    Raises:
        ContractError: everything that is wrong with it.
        UsageError: there is no such file.
    """
    file = Path(path)
    loaded, problems = examine(file)
    errors = [problem for problem in problems if problem.severity != "advice"]
    if errors or loaded is None:
        raise ContractError(errors or problems)
    return replace(loaded, contract=with_suites(loaded.contract, project_root(file), str(file)))


def examine(file: Path) -> tuple[LoadedContract | None, list[Problem]]:
    """Read one contract and give it with all problems, advice included; the contract is None when there is none to speak of.

    Raises:
        UsageError: the file cannot be opened.
    """
    return examine_text(_content(file), file)


def examine_text(content: bytes, file: Path) -> tuple[LoadedContract | None, list[Problem]]:
    """Read a contract whose text is at hand, as `examine` does; `file` is where it stands, or stood."""
    from datasync.contract.formats import normalise
    from datasync.contract.lint import lint

    name = str(file)
    try:
        tree = read_tree(content, name)
    except ContractError as error:
        return None, list(error.problems)
    contract, problems = normalise(tree, name)
    if contract is None:
        return None, in_file_order([*tree.problems, *problems])
    found = in_file_order([*tree.problems, *problems, *lint(contract, tree, file)])
    advice = tuple(problem for problem in found if problem.severity == "advice")
    return LoadedContract(contract, file, hashlib.sha256(content).hexdigest(), tree, advice, content), found


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"there is no contract {file}", code="E_NO_CONTRACT") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", code="E_NO_CONTRACT") from error


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort problems by place, each once."""
    seen = dict.fromkeys(problems)
    return sorted(seen, key=lambda problem: (problem.file, problem.line, problem.column))


def find_contracts(paths: Iterable[Path | str], nested: bool = False) -> Iterator[Path]:
    """Give the contract files among paths: files as they are, folders searched for YAML, hidden names left out.

    Args:
        paths: files and folders.
        nested: also those of folders that are projects of their own: they have other connections, another history.

    Raises:
        UsageError: a path is not there.
    """
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from (file for file in _below(path) if nested or not _in_another_project(file, path))
        elif path.exists():
            yield path
        else:
            raise UsageError(f"there is no {path}", code="E_NO_CONTRACT")


def _below(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        if file.suffix in SUFFIXES and file.is_file() and not hidden and file.name != "connections.yaml":
            yield file


def _in_another_project(file: Path, folder: Path) -> bool:
    between = file.relative_to(folder).parents
    return any((folder / inner / marker).is_file() for inner in between if inner.parts for marker in MARKERS)


def lint_paths(paths: Iterable[Path | str]) -> tuple[list[Path], list[Problem]]:
    """Lint contract files and folders, projects within them too; give the files seen and every problem."""
    files = list(find_contracts(paths, nested=True))
    problems: list[Problem] = []
    names: dict[tuple[Path, str], Path] = {}
    for file in files:
        loaded, found = examine(file)
        problems += found
        if loaded is None:
            continue
        # A name is one sync's within its project.
        name = (project_root(file), loaded.contract.contract)
        if name in names:
            problems.append(_twice(loaded, names[name]))
        else:
            names[name] = file
    return files, problems


def _twice(loaded: LoadedContract, first: Path) -> Problem:
    place = loaded.tree.place(("contract",))
    found = f"the name '{loaded.contract.contract}' is also {first}'s"
    return Problem(
        "contract", found, "each name once", file=str(loaded.path), line=place.line, column=place.column, code="E_NAME"
    )
