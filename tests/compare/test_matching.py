"""Two ordered streams are merged: what is the same passes by, what is left is kept by key, in bounded memory."""

from __future__ import annotations

from datasync.compare.matching import KEPT, Streams


def test_equal_rows_pass_by_and_the_rest_is_kept_by_key() -> None:
    a = [(1, 5, "1", "x"), (2, 3, "2", "y"), (2, 9, "2", "z"), (None, 1, None, "n")]
    b = [(1, 5, "1", "x"), (2, 4, "2", "Y"), (3, 1, "3", "w"), (None, 1, None, "n")]
    streams = Streams(a, b, (0,))
    found = [(one.key, one.count, one.rows) for one in streams.unmatched()]
    assert found == [
        (("2",), [2, 1], ([("2", "y"), ("2", "z")], [("2", "Y")])),
        (("3",), [0, 1], ([], [("3", "w")])),
    ]
    assert streams.fetched == 8


def test_keys_whose_hash_is_the_same_are_kept_apart() -> None:
    found = list(Streams([(7, 1, "a", "x")], [(7, 2, "b", "x")], (0,)).unmatched())
    assert [(one.key, one.count) for one in found] == [(("a",), [1, 0]), (("b",), [0, 1])]


def test_many_rows_of_one_key_are_counted_and_not_kept() -> None:
    many = ((None, number, None, str(number)) for number in range(5 * KEPT))
    (found,) = Streams(many, [], (0,)).unmatched()
    assert found.count == [5 * KEPT, 0]
    assert len(found.rows[0]) == KEPT
