"""A folder with a contract and a story in, the story told step by step with real commands out, and whether it held."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from datasync.errors import DataSyncError
from datasync.results.codec import plain
from datasync.results.model import RunResult
from datasync.sync.project import open_project
from datasync.sync.recorded import recorded
from datasync.sync.replay import stored
from datasync.testing.servers import NotInstalled

SEEN = "seen.json"
"""What the story showed, as JSON; it also marks a folder that may be made anew."""
LEFT_OUT = ("example.py", "README.md", "__pycache__", ".datasync", "build")
FOREIGN = ("DATASYNC_", "AIRFLOW_", "AWS_")
"""What the caller's environment says of other systems: an example must never reach them."""
PATIENCE = 60
"""Seconds that an interrupted command has to end."""


class Broken(Exception):
    """Something did not happen that should have."""


@dataclass
class Walkthrough:
    """One example while it is told.

    Attributes:
        folder: a copy of the example's folder: a project of its own.
        environment: what its connections.yaml needs, beside what the commands inherit.
        seen: everything that was shown, by title.
    """

    folder: Path
    console: Console
    environment: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    _steps: int = 0

    def step(self, title: str, text: str = "") -> None:
        """Begin a step."""
        self._steps += 1
        self.console.print(f"\n[bold cyan]{self._steps}[/]  [bold]{escape(title)}[/]")
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """Say something to the reader."""
        self._print(escape(text))

    def does(self, where: str, what: str) -> None:
        """Say what somebody else does, such as a statement in the source."""
        self._print(f"[magenta]{escape(where)}>[/] {escape(what)}")

    def datasync(self, *arguments: str, code: int = 0) -> None:
        """Run a command in the folder, its output as everybody sees it.

        Raises:
            Broken: it ends with another exit code.
            KeyboardInterrupt: somebody interrupted it; the command has ended.
        """
        self.console.print(f"[bold]$ datasync {escape(' '.join(arguments))}[/]")
        self._flush()
        found = self._wait(subprocess.Popen(**self._command(arguments)))
        if found != code:
            raise Broken(f"datasync {arguments[0]} ended with {found}, not with {code}")

    def asked(self, *arguments: str) -> Any:
        """Run a command with --json without a word, and give its document.

        Raises:
            Broken: it gave none.
        """
        process = subprocess.Popen(**self._command((*arguments, "--json")), stdout=subprocess.PIPE)
        try:
            text, _ = process.communicate(timeout=PATIENCE)
            return json.loads(text)
        except (ValueError, subprocess.TimeoutExpired) as error:
            raise Broken(f"datasync {' '.join(arguments)} gave no document") from error
        finally:
            process.kill()
            process.wait()

    def run(self, contract: str, *flags: str, code: int = 0) -> RunResult:
        """Run a contract.

        Raises:
            Broken: it ends with another exit code.
        """
        self.datasync("run", contract, *flags, code=code)
        return recorded(open_project(self.folder, {}), None)

    def remember(self, word: str, value: Any) -> None:
        """Keep a value in `seen` without showing it."""
        self.seen[word] = value

    def aside(self, run_id: str) -> list[dict[str, Any]]:
        """Give a run's rows in quarantine, whole."""
        return [
            row
            for rows in stored(open_project(self.folder, {}), run_id)
            for row in rows.frame.with_columns(rows.states).to_dicts()
        ]

    def table(self, title: str, rows: Iterable[Mapping[str, Any]], note: str = "") -> None:
        """Show rows, and keep them in `seen`."""
        kept = [plain(dict(row)) for row in rows]
        self.seen[title] = kept
        shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
        for name in kept[0] if kept else ():
            number = isinstance(kept[0][name], int | float) and not isinstance(kept[0][name], bool)
            shown.add_column(escape(name), justify="right" if number else "left", overflow="fold")
        for row in kept:
            shown.add_row(*("[bright_black]–[/]" if value is None else escape(str(value)) for value in row.values()))
        self._print(f"[bold]{escape(title)}[/]")
        self._print(shown)
        if note:
            self._print(f"[bright_black]{escape(note)}[/]")

    def quote(self, title: str, text: str) -> None:
        """Show a text as it stands, and keep it in `seen`."""
        self.seen[title] = text
        self._print(f"[bold]{escape(title)}[/]")
        for line in text.strip().splitlines():
            for part in Text(line).wrap(self.console, self.console.width - 5) or [Text()]:
                self._print(Text.assemble(("│ ", "bright_black"), part))

    def promise(self, words: str, held: bool) -> None:
        """Say that something holds.

        Raises:
            Broken: it does not.
        """
        if not held:
            raise Broken(words)
        self.seen.setdefault("held", []).append(words)
        self._print(f"[green]✓[/] {escape(words)}")

    def _print(self, what: Any) -> None:
        self.console.print(Padding(what, (0, 0, 0, 3), expand=False))

    def _command(self, arguments: Sequence[str]) -> dict[str, Any]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        # A session of its own: of a Ctrl-C it learns from us, once.
        return {
            "args": [sys.executable, "-m", "datasync.cli.app", *arguments], "cwd": self.folder, "start_new_session": True,
            "env": {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", **self.environment},
        }  # fmt: skip

    def _wait(self, process: subprocess.Popen[Any]) -> int:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise

    def _flush(self) -> None:
        # The command writes to the same stream past our buffer.
        self.console.file.flush()


@dataclass(frozen=True, slots=True)
class Story:
    """An example to be told.

    Attributes:
        title: one line.
        tell: starts what it needs, tells the steps and stops what it started, also when it is interrupted.
        after: commands to look around with, once it is told.
    """

    title: str
    tell: Callable[[Walkthrough], None]
    after: tuple[str, ...] = ("datasync runs list", "datasync report --open")


def walk(file: str, story: Story) -> int:
    """Tell the story of an example's folder in a copy of it; `--folder` says where that is made, anew each time.

    Args:
        file: `__file__` of the example's script.
        story: what to tell.

    Returns:
        0 when everything happened that should have, 1 when not, 130 when interrupted.
    """
    home = Path(file).resolve().parent
    parser = argparse.ArgumentParser(prog=f"python {Path(file).name}", description=story.title)
    parser.add_argument("--folder", type=Path, default=Path("build") / "examples" / home.name, help="default: %(default)s")
    folder: Path = parser.parse_args().folder
    try:
        _copied(home, folder)
    except Broken as error:
        sys.stderr.write(f"{error}\n")
        return 1
    told = Walkthrough(folder.resolve(), _console())
    told.console.print(f"[bold reverse] {escape(story.title)} [/]")
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        return _told(told, story, folder)
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(told: Walkthrough, story: Story, folder: Path) -> int:
    try:
        story.tell(told)
    except KeyboardInterrupt:
        told.console.print("\n[yellow]interrupted; everything that was started has been stopped[/]")
        return 130
    except (Broken, DataSyncError, NotInstalled) as error:
        told.console.print(f"\n[red bold]✗ this did not happen:[/] {escape(str(error))}")
        return 1
    finally:
        (told.folder / SEEN).write_text(json.dumps(told.seen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    told.console.print(
        f"\n[green bold]✓ all {len(told.seen.get('held', ()))} promises held.[/] Everything that was started has been stopped."
    )
    told.console.print(f"  [bright_black]look around[/]  cd {escape(str(folder))}")
    for command in story.after:
        told.console.print(f"               {escape(command)}")
    return 0


def _copied(home: Path, folder: Path) -> None:
    """Make the project's folder anew.

    Raises:
        Broken: there is a folder that is not ours.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / SEEN).is_file():
            raise Broken(f"{folder} is there and holds no example: name another --folder")
        shutil.rmtree(folder)
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / SEEN).write_text("{}\n", encoding="utf-8")


def _console() -> Console:
    wide = None if sys.stdout.isatty() else 120
    return Console(highlight=False, emoji=False, width=wide, soft_wrap=False)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
