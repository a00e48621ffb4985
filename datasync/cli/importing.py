"""`datasync import`: a file of another spelling, rewritten as a contract."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.options import param_option, parsed_params


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "spelling", type=click.Choice(["sync_config"]), required=True, help="How the file is written.")
@click.option("--name", help="The contract's name; default: the file's.")
@click.option("--key", multiple=True, help="A column of the key; several times for a composite one. Default: id.")
@param_option
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout; it must not be there yet.")
def import_file(
    file: Path, spelling: str, name: str | None, key: tuple[str, ...], params: tuple[str, ...], output: Path | None
) -> int:
    """Rewrite an earlier configuration as a contract that does the same.

    The source is asked which columns it gives: a database without reading a row, an API or a file by its first rows.
    """
    from datasync.errors import UsageError
    from datasync.sync.asking import Circumstances
    from datasync.sync.importing import import_sync_config

    text = import_sync_config(file, name, key, Circumstances(parsed_params(params)))
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", code="E_IMPORT") from error
    click.echo(f"{output} written")
    return 0
