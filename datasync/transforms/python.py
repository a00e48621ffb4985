"""`python: module:function`: rows in, what a function of the project makes of them out, held to the columns it declares."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
import typing
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.contract.types import DataType, of_polars, polars_type
from datasync.errors import PermanentError, UsageError, did_you_mean
from datasync.seams import POSITION, TransformTally
from datasync.transforms.each import EachBatch

ROW = "__row"
"""Column of the frame that a function is given: the place of each row. Rows that are left out or repeated are counted by it."""


class Python(EachBatch):
    """Calls the function once for each batch. What it raises is said with its name and line, never with a row's values."""

    _function: Callable[[Any], Any] | None = None
    _pandas = False

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Call the function; POSITION follows its rows."""
        if self._function is None:
            self._function, self._pandas = _load(self._name, self.means.root)
        given = frame.drop(POSITION, strict=False).with_row_index(ROW).cast({ROW: pl.Int64})
        made = self._checked(self._call(given), frame)
        kept = made[ROW].n_unique()
        tally.dropped += frame.height - kept
        tally.added += made.height - kept
        values = made.drop(ROW)
        return values.with_columns(frame[POSITION].gather(made[ROW])) if POSITION in frame.columns else values

    @property
    def _name(self) -> str:
        assert self.item.python is not None
        return self.item.python.function

    def _call(self, given: pl.DataFrame) -> pl.DataFrame:
        assert self._function is not None
        try:
            made = self._function(given.to_pandas(use_pyarrow_extension_array=True) if self._pandas else given)
            if self._pandas:
                made = pl.from_pandas(made)
        except Exception as error:
            # The error's own text may hold values: only its type and place are said.
            where = [step for step in traceback.extract_tb(error.__traceback__) if not step.filename.startswith(str(_HERE))]
            at = f" at {Path(where[-1].filename).name}:{where[-1].lineno}" if where else ""
            raise PermanentError(f"{self._name} raised {type(error).__name__}{at}", code="E_PYTHON", stage="transform",
                                 hint="its message may hold values and is not shown: call it by hand") from None  # fmt: skip
        if isinstance(made, pl.LazyFrame):
            made = made.collect()
        if not isinstance(made, pl.DataFrame):
            raise PermanentError(f"{self._name} gave {type(made).__name__}, not a frame", code="E_PYTHON", stage="transform")
        return made

    def _checked(self, made: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
        """Hold what came back to what is declared: every column, in its type, and rows that say where they are from."""
        if ROW not in made.columns and made.height == frame.height:
            made = made.with_row_index(ROW)
        if ROW not in made.columns:
            raise PermanentError(
                f"{self._name} gave {made.height} of {frame.height} rows without the column {ROW}",
                code="E_PYTHON", stage="transform",
                hint=f"keep {ROW}, which says where each row came from",
            )  # fmt: skip
        before = {name: _known(dtype) for name, dtype in frame.schema.items() if name != POSITION}
        expected = self.output(before)
        missing, extra = set(expected) - set(made.columns), set(made.columns) - set(expected) - {ROW}
        if missing or extra:
            lacks = f"lacks {', '.join(sorted(missing))}" if missing else f"has {', '.join(sorted(extra))} too"
            raise PermanentError(
                f"{self._name} gave a frame that {lacks}", code="E_PYTHON", stage="transform", hint="declare adds: and drops:"
            )
        columns = [self._typed(made[name], kind or before.get(name), frame) for name, kind in expected.items()]
        return self._placed(pl.DataFrame([*columns, made[ROW]]), frame.height)

    def _typed(self, values: pl.Series, kind: DataType | None, frame: pl.DataFrame) -> pl.Series:
        if kind is None:
            return values.cast(frame.schema[values.name])
        cast, bad = cast_column(values, kind)
        if bad.any():
            raise PermanentError(
                f"{self._name}: {int(bad.sum())} values of {values.name} are no {kind}", code="E_PYTHON", stage="transform"
            )
        return cast.cast(polars_type(kind))

    def _placed(self, made: pl.DataFrame, height: int) -> pl.DataFrame:
        rows, bad = cast_column(made[ROW], DataType("int64"))
        if bad.any() or rows.null_count() or (rows.len() and not rows.is_between(0, height - 1).all()):
            raise PermanentError(
                f"{self._name} changed the column {ROW}", code="E_PYTHON", stage="transform", hint="leave it as it is"
            )
        return made.with_columns(rows).sort(ROW, maintain_order=True)


_HERE = Path(__file__).parent.parent


def _known(dtype: pl.DataType) -> DataType | None:
    try:
        return of_polars(dtype)
    except ValueError:
        return None


def _load(name: str, root: Path) -> tuple[Callable[[Any], Any], bool]:
    """Import a function from the project root and tell whether it wants pandas."""
    module, _, function = name.partition(":")
    loaded = _module(module, name, root.resolve())
    found = getattr(loaded, function, None)
    if not callable(found):
        raise UsageError(f"{name}: the module has no function {function}", code="E_PYTHON", stage="transform",
                         hint=did_you_mean(function, vars(loaded)) or "write module:function")  # fmt: skip
    return found, _wants_pandas(found, name)


def _module(module: str, name: str, root: Path) -> ModuleType:
    """Import a file below the root, whatever else is called so; modules beside it can be imported by it."""
    base = root.joinpath(*module.split("."))
    file = next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)
    if file is None or not file.resolve().is_relative_to(root):
        raise UsageError(
            f"{name}: there is no {module.replace('.', '/')}.py in the project root", code="E_PYTHON", stage="transform"
        )
    spec = importlib.util.spec_from_file_location(f"_datasync_project.{module}", file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(root))
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:
        raise UsageError(f"{name} cannot be imported: {type(error).__name__}", code="E_PYTHON", stage="transform") from error
    finally:
        sys.path.remove(str(root))
    return loaded


def _wants_pandas(function: Callable[[Any], Any], name: str) -> bool:
    """Read the first parameter's annotation."""
    try:
        hints = typing.get_type_hints(function)
        parameter = next(iter(inspect.signature(function).parameters))
    except (NameError, StopIteration, TypeError, ValueError):
        hints, parameter = {}, ""
    family = str(getattr(hints.get(parameter), "__module__", "")).partition(".")[0]
    if family not in ("polars", "pandas"):
        raise UsageError(
            f"{name} does not say which frame it takes", code="E_PYTHON", stage="transform",
            hint="annotate it: def f(frame: pl.DataFrame) -> pl.DataFrame, or with pandas' DataFrame",
        )  # fmt: skip
    return family == "pandas"
