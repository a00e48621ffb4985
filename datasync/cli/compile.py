"""`datasync compile`: the Great Expectations suites of contracts, committed for review."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("compile")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a suite is stale.")
def compile_suites(paths: tuple[Path, ...], check: bool) -> int:
    """Write expectations/CONTRACT.json for every contract (default: contracts/).

    The file is for review: runs compile the contract itself.
    """
    from datasync.cli.execution import load_all
    from datasync.sync.compiled import suite_path, suite_text

    stale = []
    for loaded in load_all(paths or (Path("contracts"),)):
        path, text = suite_path(loaded), suite_text(loaded)
        current = path.read_text(encoding="utf-8") if path.is_file() else ""
        if current == text:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        click.echo(f"{'stale' if check else 'written'}: {path}")
    if not stale:
        click.echo("all suites are as the contracts say")
    return 1 if check and stale else 0
