"""`datasync schema`: the JSON Schema of contracts, for editors."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
def schema(output: Path | None) -> int:
    """Print the JSON Schema of contracts.

    Point an editor to it in the first line of a contract: # yaml-language-server: $schema=contract.schema.json
    """
    import json

    from datasync.contract.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
    return 0
