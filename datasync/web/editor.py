"""The text of a contract in, what the linter says of it out; and the file written, where that is allowed and nothing is wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from datasync.contract.loader import SUFFIXES, examine_text
from datasync.errors import Problem, StorageError, UsageError
from datasync.storage import write_bytes
from datasync.web.asked import Asked, Changing, Genuine, NotAllowed, Reading
from datasync.web.catalogue import ContractFile, files_of, folder_of

router = APIRouter()
CHANGED = "Somebody else changed the file meanwhile. Copy your text, and load the page again."
LONGEST = 500_000
"""Characters of a contract."""


@router.get("/files")
def files(question: Reading) -> HTMLResponse:
    """The files of `contracts/`, with what the linter says."""
    return question.page("files.html.j2", "Files", files=_files(question))


@router.get("/files/{key:path}")
def edit(question: Reading, key: str) -> HTMLResponse:
    """The editor of one file."""
    file = _file(question, key)
    content = _content(file)
    return _page(question, file, content.decode(errors="replace"), _hash(content))


@router.post("/lint")
def lint(question: Genuine, key: Annotated[str, Form()], text: Annotated[str, Form()] = "") -> HTMLResponse:
    """What is wrong with a text, for the editor's script."""
    file = _file(question, key)
    return question.page("problems.html.j2", problems=_problems(text, file))


@router.post("/save")
def save(
    question: Changing, key: Annotated[str, Form()], was: Annotated[str, Form()], text: Annotated[str, Form()] = "",
    do: Annotated[str, Form()] = "check",
) -> Response:  # fmt: skip
    """Write a file that nothing is wrong with, unless somebody else changed it meanwhile; or only check it."""
    file = _file(question, key)
    plain = text.replace("\r\n", "\n")
    if do != "save":
        return _page(question, file, plain, was)
    if not question.house.edit:
        raise NotAllowed("contracts are not written here: datasync ui --edit allows it")
    if _hash(_content(file)) != was:
        return _page(question, file, plain, was, CHANGED)
    if any(problem.severity != "advice" for problem in _problems(plain, file)):
        return _page(question, file, plain, was, "It was not saved: something is wrong with it.")
    try:
        write_bytes(file.file, plain.encode())
    except OSError as error:
        raise StorageError("the contract cannot be written", code="E_EDIT") from error
    return RedirectResponse(question.at.to("files", file.key), 303)


def _page(question: Asked, file: ContractFile, text: str, was: str, said: str = "") -> HTMLResponse:
    may_edit = question.may_change and question.house.edit
    return question.page(
        "editor.html.j2", "Files", 409 if said else 200, of=file.name, file=file, text=text, was=was, said=said,
        may_edit=may_edit, problems=_problems(text, file),
    )  # fmt: skip


def _file(question: Asked, key: str) -> ContractFile:
    """Find a file among those of the folder: what is asked for is looked up there, and never put together to a path.

    Raises:
        UsageError: there is none, or it leads out of the folder.
    """
    folder = folder_of(question.house.project).resolve()
    for file in _files(question):
        if file.key == key and file.file.suffix in SUFFIXES and file.file.resolve().is_relative_to(folder):
            return file
    raise UsageError("there is no such file in contracts/", code="E_NO_CONTRACT")


def _files(question: Asked) -> list[ContractFile]:
    """Give the files whose contracts whoever asks may know of; one that is no contract is only for who sees all."""
    return [file for file in files_of(question.house.project) if question.sees(file.name)]


def _content(file: ContractFile) -> bytes:
    try:
        return file.file.read_bytes()
    except OSError as error:
        raise StorageError("the contract cannot be read", code="E_EDIT") from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _problems(text: str, file: ContractFile) -> list[Problem]:
    if len(text) > LONGEST:
        raise UsageError(f"a contract has at most {LONGEST:,} characters", code="E_EDIT")
    return examine_text(text.encode(errors="replace"), Path(file.file))[1]
