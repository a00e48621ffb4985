"""Random expressions of the language, as text."""

from __future__ import annotations

from hypothesis import strategies as st

_INT_COLUMNS, _DECIMALS, _TEXTS = ["i", "j", "k", "w"], ["p", "q"], ["s", "t"]
_INT_LITERALS = ["0", "1", "-1", "2", "7", "-50", "32768", "2147483648", "9223372036854775807"]
_TEXT_LITERALS = ["''", "'a'", "'A'", "'a '", "'É'", "'SKU-000001'", "'日本語'", "'\\'", "'it''s'"]
_REGEXES = ["^a", "[0-9]+$", r"^\w{1,3}$", r"\s", "^(a|b|É)*$", ".", "^[^a-z]?$"]
_PATTERNS = ["a%", "%b", "_", "%", "", "%_b%", "SKU-______", "É%"]


def _pairs(part: st.SearchStrategy[str], symbols: list[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, part, st.sampled_from(symbols), part)


def _integers() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(_INT_COLUMNS) | st.sampled_from(_INT_LITERALS)

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            _pairs(inner, ["+", "-", "*"]),
            st.builds("({} % {})".format, inner, st.sampled_from(["3", "-7", "NULLIF(k, 0)", "2147483648"])),
            st.builds("div({}, {})".format, inner, st.sampled_from(["3", "-1", "NULLIF(j, 0)"])),
            st.builds("abs({})".format, inner),
            st.builds("(- {})".format, inner),
            st.builds("coalesce({}, {})".format, inner, inner),
            st.builds("CASE WHEN b THEN {} ELSE {} END".format, inner, inner),
            st.builds("length({})".format, _texts()),
        )

    return st.recursive(leaves, grow, max_leaves=4)


def _texts() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(_TEXTS) | st.sampled_from(_TEXT_LITERALS)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds("{}({})".format, st.sampled_from(["lower", "upper", "trim"]), inner),
            st.builds("concat({}, {})".format, inner, inner),
            st.builds("substr({}, {}, {})".format, inner, st.integers(1, 3), st.integers(0, 3)),
            st.builds("coalesce({}, {})".format, inner, inner),
            st.builds("nullif({}, {})".format, inner, inner),
        ),
        max_leaves=3,
    )


def _decimals() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(_DECIMALS) | st.sampled_from(["0.5", "1.25", "-0.005", "3.0"])
    single = st.one_of(
        leaves,
        st.builds("({} + {})".format, leaves, leaves),
        st.builds("abs({})".format, leaves),
        st.builds("(- {})".format, leaves),
    )
    return st.one_of(
        single,
        st.builds("({} * {})".format, leaves, leaves),
        st.builds("round({}, {})".format, single, st.integers(0, 2)),
        st.builds("({} / {})".format, st.sampled_from(["q", "1.25"]), st.sampled_from(["3", "-0.7", "NULLIF(q, 0)"])),
        st.builds("({} - w)".format, leaves),
    )


def _floats() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["f", "g"])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*"]), inner | st.sampled_from(["0.1", "2", "k"])),
            st.builds("({} / {})".format, inner, st.sampled_from(["3", "0.1", "NULLIF(g, 0)"])),
            st.builds("abs({})".format, inner),
            st.builds("(- {})".format, inner),
        ),
        max_leaves=3,
    )


def _dates() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["d", "e", "today()", "DATE '2024-02-29'"])
    return leaves | st.builds("({} {} INTERVAL '{}' DAY)".format, leaves, st.sampled_from("+-"), st.integers(0, 400))


def _zoned() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["z", "y", "now()", "TIMESTAMP '2024-03-10 21:30:15+09'"])
    unit = st.sampled_from(["DAY", "HOUR", "MINUTE", "SECOND"])
    return leaves | st.builds("({} {} INTERVAL '{}' {})".format, leaves, st.sampled_from("+-"), st.integers(0, 100), unit)


def _comparisons() -> st.SearchStrategy[str]:
    symbols = ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]
    kinds = [_integers(), _texts(), _decimals(), _floats(), _dates(), _zoned(), st.sampled_from(["n", "m"])]
    same = [_pairs(kind, symbols) for kind in kinds]
    return st.one_of(
        *same,
        st.builds(
            "({} {} {})".format, st.sampled_from(_DECIMALS), st.sampled_from(symbols), st.sampled_from(["k", "w", "5", "1.25"])
        ),
        st.builds("({} {}BETWEEN {} AND {})".format, _integers(), st.sampled_from(["", "NOT "]), _integers(), _integers()),
        st.builds(
            "({} {}IN ({}, {}))".format,
            _integers(),
            st.sampled_from(["", "NOT "]),
            st.sampled_from(_INT_LITERALS),
            st.sampled_from(_INT_LITERALS),
        ),
        st.builds(
            "({} {}IN ({}, {}))".format,
            _texts(),
            st.sampled_from(["", "NOT "]),
            st.sampled_from(_TEXT_LITERALS),
            st.sampled_from(_TEXT_LITERALS),
        ),
        st.builds("({} {}LIKE '{}')".format, _texts(), st.sampled_from(["", "NOT "]), st.sampled_from(_PATTERNS)),
        st.builds("matches({}, '{}')".format, _texts(), st.sampled_from(_REGEXES)),
        st.builds("({} IS {}NULL)".format, st.one_of(*kinds), st.sampled_from(["", "NOT "])),
        st.builds(
            "(date_diff('{}', {}, {}) > {})".format,
            st.sampled_from(["day", "hour", "second"]),
            _zoned(),
            _zoned(),
            st.integers(-50, 50),
        ),
        st.builds("(date_diff('day', {}, {}) > {})".format, _dates(), _dates(), st.integers(-50, 50)),
        st.sampled_from(["b", "c", "TRUE", "b IS TRUE"]),
    )


def booleans() -> st.SearchStrategy[str]:
    """Boolean expressions of up to a few dozen operations."""
    return st.recursive(
        _comparisons(),
        lambda inner: st.one_of(
            _pairs(inner, ["AND", "OR"]),
            st.builds("(NOT {})".format, inner),
            st.builds("({} IS {})".format, inner, st.sampled_from(["TRUE", "FALSE", "NOT TRUE", "NOT FALSE", "NULL"])),
            st.builds("CASE WHEN {} THEN {} ELSE {} END".format, inner, inner, inner),
        ),
        max_leaves=4,
    )
