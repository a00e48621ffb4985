"""A file in any spelling in, the linted contract out; an earlier configuration asks its source for its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from datasync.contract.formats.sync_config import UNDECLARED
from datasync.contract.loader import LoadedContract, examine_text, load_contract
from datasync.errors import ContractError
from datasync.seams import Connection


def load_any(
    path: Path | str,
    params: Mapping[str, str] | None = None,
    connections: Callable[[str], Connection] | None = None,
    interval: tuple[str, str] | None = None,
) -> LoadedContract:
    """Load a contract, or rewrite an earlier configuration as one; its hash and content are those of the contract.

    Args:
        path: its file.
        params: values that an earlier configuration's query may need to be asked; one of a param that is a run variable in the
            file, or that is one itself (`{{ ds }}`), takes that param's place.
        connections: looks connections up; default: the environment and connections.yaml.
        interval: the data interval in which an earlier configuration's source is asked, as text; default: today.

    Raises:
        ContractError: everything that is wrong with it.
        UsageError: there is no such file, or an earlier configuration whose source has no column `id`.
        ConnectorError: the source of an earlier configuration cannot be asked.
    """
    try:
        return load_contract(path)
    except ContractError as error:
        if not any(problem.code == UNDECLARED for problem in error.problems):
            raise
    from datasync.sync.asking import Circumstances
    from datasync.sync.importing import import_sync_config

    file = Path(path)
    text = import_sync_config(file, circumstances=Circumstances(params or {}, connections, interval))
    loaded, problems = examine_text(text.encode(), file)
    if loaded is None:
        raise ContractError(problems)
    return replace(loaded, rewritten=True)
