"""A REST source against servers of this machine: every style of pages, pages that do not add up, windows, and what is told of errors."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from datasync.connectors.http import spool
from datasync.contract.types import parse_type
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import POSITION, PinnedFile, ReadRequest, Window, decode_position
from tests.connectors.http.servers import CANARY, Asked, Handler, reply
from tests.connectors.http.sources import api, everything, numbered, query, request_of, rest

DATA = {"records": "$.data[*]"}


def paged(rows: list[dict[str, Any]], most: int = 1000, **extra: Any) -> Handler:
    """Pages by page or offset, with a total."""

    def answer(asked: dict[str, str]) -> Any:
        limit = min(int(asked.get("limit", 10)), most)
        at = (int(asked["page"]) - 1) * limit if "page" in asked else int(asked.get("offset", 0))
        return {"data": rows[at : at + limit], "total": len(rows), **extra}

    return api(answer)


class TestPages:
    def test_one_page_without_pagination(self) -> None:
        with rest(api(lambda asked: numbered(3))) as (source, server):
            frame, _ = everything(source)
            assert frame["id"].to_list() == ["0", "1", "2"]
            assert len(server.asked) == 1

    @pytest.mark.parametrize("total", [{}, {"total": "$.total"}])
    @pytest.mark.parametrize("style", ["page", "offset"])
    @pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 95, 100])
    def test_by_number(self, style: str, count: int, total: dict[str, str]) -> None:
        block = {**DATA, "pagination": {"style": style, "size": {"limit": 10}, **total}}
        with rest(paged(numbered(count)), block) as (source, server):
            frame, _ = everything(source, request_of({"id": "int64"}))
            assert sorted(int(cell) for cell in frame["id"]) == list(range(count)) if count else frame.is_empty()
            if total:
                assert len(server.asked) == max(1, -(-count // 10))

    @pytest.mark.parametrize("total", [{}, {"total": "$.total"}])
    @pytest.mark.parametrize("style", ["page", "offset"])
    def test_an_api_that_gives_smaller_pages_than_asked_for_loses_none(self, style: str, total: dict[str, str]) -> None:
        block = {**DATA, "pagination": {"style": style, "size": {"limit": 100}, **total}}
        with rest(paged(numbered(95), most=10), block) as (source, _):
            assert everything(source)[0]["id"].to_list() == [str(number) for number in range(95)]

    def test_positions_are_page_and_place(self) -> None:
        block = {**DATA, "pagination": {"style": "offset", "size": {"limit": 10}, "total": "$.total"}}
        with rest(paged(numbered(25)), block) as (source, _):
            frame, _ = everything(source)
        assert [decode_position(at) for at in (frame[POSITION][0], frame[POSITION][9], frame[POSITION][10], frame[POSITION][24])] == [
            (0, 1), (0, 10), (1, 1), (2, 5),
        ]  # fmt: skip

    def test_by_cursor(self) -> None:
        pages: dict[str, Any] = {"": {"data": numbered(2), "meta": {"next": "t1&x=1"}}, "t1&x=1": {"data": numbered(2), "meta": {"next": 7}},
                                 "7": {"data": numbered(1), "meta": {"next": None}}}  # fmt: skip
        block = {
            **DATA,
            "query_params": {"q": "a b"},
            "pagination": {"style": "cursor", "param": "after", "token": "$.meta.next"},
        }
        with rest(api(lambda asked: pages[asked.get("after", "")]), block) as (source, server):
            assert everything(source)[0].height == 5
            assert [query(asked).get("q") for asked in server.asked] == ["a b"] * 3

    @pytest.mark.parametrize("relative", [True, False])
    def test_by_link_header(self, relative: bool) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes:
            page = int(query(asked).get("p", 1))
            place = f"?p={page + 1}" if relative else f"http://{asked.header('host')}/v1/things?p={page + 1}"
            link = f'<{place}>; rel="next", </x>; rel="last"' if page < 3 else '</x>; rel="prev"'
            return reply(json.dumps(numbered(2)), link=link)

        with rest(answer, {"pagination": {"style": "link_header"}}) as (source, server):
            assert everything(source)[0].height == 6
            assert [asked.target for asked in server.asked] == ["/v1/things", "/v1/things?p=2", "/v1/things?p=3"]

    def test_by_next_url(self) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes:
            page = int(query(asked).get("p", 1))
            return reply(json.dumps({"data": numbered(2), "next": f"/v1/things?p={page + 1}" if page < 3 else ""}))

        with rest(answer, {**DATA, "pagination": {"style": "next_url"}}) as (source, _):
            assert everything(source)[0].height == 6

    def test_last_ends(self) -> None:
        block = {**DATA, "pagination": {"style": "page", "last": "$.done"}}
        with rest(api(lambda asked: {"data": [{"id": asked["page"]}], "done": asked["page"] == "3"}), block) as (source, server):
            assert everything(source)[0].height == 3
            assert len(server.asked) == 3

    def test_404_behind_a_short_page_is_the_end(self) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes:
            page = int(query(asked)["page"])
            return (
                reply(json.dumps([*numbered(10)[: 10 if page == 1 else 5], {"p": page}]))
                if page < 3
                else reply("{}", "404 Not Found")
            )

        with rest(answer, {"pagination": {"style": "page", "size": {"limit": 10}}}) as (source, _):
            assert everything(source)[0].height == 17

    def test_post_takes_its_pages_in_the_body(self) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes:
            body = json.loads(asked.body)
            assert body["where"] == {"region": "KR", "min": 7}
            return reply(json.dumps(numbered(35)[body["offset"] : body["offset"] + body["limit"]]))

        block = {
            "method": "POST",
            "body": {"where": {"region": "{region}", "min": "{low}"}},
            "pagination": {"style": "offset", "size": {"limit": 10}},
        }
        with rest(answer, block) as (source, _):
            assert everything(source, ReadRequest(variables={"region": "KR", "low": 7}))[0].height == 35


def failing(
    handler: Handler, block: dict[str, Any] | None = None, request: ReadRequest | None = None, **settings: Any
) -> ConnectorError:
    with rest(handler, {**DATA, **(block or {})}, **settings) as (source, _), pytest.raises(ConnectorError) as caught:
        everything(source, request)
    assert CANARY not in str(caught.value)
    return caught.value


class TestPagesThatDoNotAddUp:
    @pytest.mark.parametrize("style", ["page", "offset"])
    @pytest.mark.parametrize("total", [{}, {"total": "$.total"}])
    def test_the_same_page_again(self, style: str, total: dict[str, str]) -> None:
        block = {"pagination": {"style": style, "param": "ignored", "size": {"limit": 10}, **total}}
        assert failing(api(lambda asked: {"data": numbered(10), "total": 30}), block).code == "E_PAGE_LOOP"

    @pytest.mark.parametrize("style", ["cursor", "next_url"])
    def test_the_same_token_again(self, style: str) -> None:
        token = f"/v1/{CANARY}"
        assert (
            failing(
                api(lambda asked: {"data": numbered(1), "next": token}), {"pagination": {"style": style, "token": "$.next"}}
            ).code
            == "E_PAGE_LOOP"
        )

    def test_tokens_that_never_end(self) -> None:
        made = iter(range(10**6))
        block = {"pagination": {"style": "cursor", "token": "$.next", "max_pages": 20}}
        found = failing(api(lambda asked: {"data": numbered(1), "next": f"t{next(made)}"}), block)
        assert (found.code, "max_pages" in str(found)) == ("E_LIMIT", True)

    def test_a_total_of_too_many_pages(self) -> None:
        block = {"pagination": {"style": "page", "total": "$.total", "max_pages": 20}}
        assert failing(api(lambda asked: {"data": numbered(1), "total": 10**9}), block).code == "E_LIMIT"

    def test_a_page_that_is_missing(self) -> None:
        def answer(asked: dict[str, str]) -> Any:
            return {"data": [] if asked["page"] == "2" else [{"id": asked["page"]}] * 10, "total": 30}

        found = failing(api(answer), {"pagination": {"style": "page", "size": {"limit": 10}, "total": "$.total"}})
        assert isinstance(found, TransientError)
        assert found.code == "E_PAGES"
        assert "30" in found.message

    def test_rows_that_came_meanwhile(self) -> None:
        made = iter(range(30, 10**6))
        found = failing(
            api(lambda asked: {"data": [{"id": asked["page"]}] * 10, "total": next(made)}),
            {"pagination": {"style": "page", "size": {"limit": 10}, "total": "$.total"}},
        )
        assert "came or went" in found.hint

    @pytest.mark.parametrize("style", ["page", "offset"])
    def test_a_row_that_goes_takes_none_along(self, style: str) -> None:
        """Behind a deleted row the others move up: one of them stands on a page that was read already, and the sums agree."""
        rows = numbered(10)

        def answer(asked: dict[str, str]) -> Any:
            at = (int(asked["page"]) - 1) * 5 if "page" in asked else int(asked["offset"])
            found = {"data": rows[at : at + 5], "total": len(rows)}
            rows[:] = [row for row in rows if row["id"] != 0]
            return found

        found = failing(api(answer), {"pagination": {"style": style, "size": {"limit": 5}, "total": "$.total"}})
        assert (found.code, "run again" in found.hint) == ("E_PAGES", True)

    @pytest.mark.parametrize("total", [None, "many", -1, 1.5, [1], {"n": 1}])
    def test_a_total_that_is_none(self, total: Any) -> None:
        assert (
            failing(api(lambda asked: {"data": [], "total": total}), {"pagination": {"style": "page", "total": "$.total"}}).code
            == "E_PAGINATION"
        )

    def test_a_token_path_that_leads_nowhere(self) -> None:
        block = {"pagination": {"style": "cursor", "token": "$.meta.next"}}
        assert failing(api(lambda asked: {"data": numbered(1)}), block).code == "E_PAGINATION"
        block = {"pagination": {"style": "cursor", "token": "$.nxt"}}
        found = failing(api(lambda asked: {"data": numbered(1), "next": "2"}), block)
        assert (found.code, "which has 'next'" in found.message) == ("E_PAGINATION", True)

    @pytest.mark.parametrize("place", ["http://127.0.0.2/x", "//evil.example/x", "ftp://127.0.0.1/x"])
    def test_a_next_page_at_another_place(self, place: str) -> None:
        found = failing(
            api(lambda asked: {"data": numbered(1), "next": place}),
            {"pagination": {"style": "next_url"}},
            login="u",
            password=CANARY,
        )
        assert found.code == "E_ELSEWHERE"


class TestAnswers:
    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (reply(json.dumps({"error": CANARY})), "E_RECORDS"),
            (reply("<html>sign in", content_type="text/html"), "E_HTML"),
            (reply('{"data": [{"id": 1}, {"id"', content_length=""), "E_TRUNCATED"),
            (reply("", "302 Found", location="https://login.example/"), "E_REDIRECT"),
        ],
    )
    def test_that_are_none(self, raw: bytes, code: str) -> None:
        assert failing(lambda asked, sock: raw).code == code

    def test_204_has_no_rows(self) -> None:
        with rest(lambda asked, sock: b"HTTP/1.1 204 No Content\r\n\r\n", DATA) as (source, _):
            assert everything(source, request_of({"id": "int64"}))[0].is_empty()

    def test_a_server_that_dies_between_pages_gives_nothing(self) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes | None:
            return (
                reply(json.dumps({"data": numbered(5), "next": "x"}))
                if "cursor" not in query(asked)
                else reply("", "404 Not Found")
            )

        given = []
        with (
            rest(answer, {**DATA, "pagination": {"style": "cursor", "token": "$.next"}}) as (source, _),
            source.read(ReadRequest()) as reading,
            pytest.raises(PermanentError),
        ):
            given += list(reading.batches())
        assert given == []

    def test_records_that_are_no_rows_are_set_aside_with_their_place(self) -> None:
        body = '[{"id": 1}, {"id": 2, "id": 3}, 7, {"id": NaN}, {"id": 4, "more": "\\ud800"}, {"id": 5}]'
        with rest(lambda asked, sock: reply(body)) as (source, _):
            frame, lost = everything(source)
        assert frame["id"].to_list() == ["1", "5"]
        assert [(decode_position(row.position), row.text) for row in lost] == [
            ((0, 2), '{"id": "3"}'), ((0, 3), "7"), ((0, 4), '{"id": "NaN"}'), ((0, 5), '{"id":4,"more":"\\ud800"}'),
        ]  # fmt: skip

    def test_keys_of_any_page_are_in_the_header_and_absent_ones_are_null(self) -> None:
        block = {"pagination": {"style": "page", "last": "$.done"}, "records": "$.data[*]"}
        pages = {"1": {"data": [{"a": 1}, {"b": 2}], "done": False}, "2": {"data": [{"c": [1]}], "done": True}}
        with (
            rest(api(lambda asked: pages[asked["page"]]), block) as (source, _),
            source.read(ReadRequest(batch_rows=2)) as reading,
        ):
            assert reading.header == ["a", "b", "c"]
            rows = [batch.frame.drop(POSITION).rows() for batch in reading.batches()]
        assert rows == [[("1", None, None), (None, "2", None)], [(None, None, "[1]")]]

    def test_only_wanted_columns_are_given(self) -> None:
        with rest(api(lambda asked: numbered(2))) as (source, _):
            assert everything(source, ReadRequest(columns=("name",)))[0].columns == ["name", POSITION]

    def test_large_answers_wait_on_disk(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(spool, "IN_MEMORY", 1000)
        block = {**DATA, "pagination": {"style": "page", "size": {"limit": 100}, "total": "$.total"}}
        with rest(paged(numbered(1000)), block) as (source, _):
            frame, _ = everything(source, ReadRequest(batch_rows=70, staged_dir=tmp_path / "spool"))
        assert frame["id"].to_list() == [str(number) for number in range(1000)]
        assert list((tmp_path / "spool").iterdir()) == []


class TestWindows:
    ROWS = [{"id": day, "at": f"2026-01-{day:02d}T00:00:00Z"} for day in range(1, 21)] + [
        {"id": 99, "at": None},
        {"id": 98, "at": "soon"},
    ]

    def request(self, start: int | None, end: int) -> ReadRequest:
        window = Window(None if start is None else datetime(2026, 1, start, tzinfo=UTC), datetime(2026, 1, end, tzinfo=UTC))
        return request_of({"at": "timestamp[us, UTC]"}, cursor="at", cursor_type=parse_type("timestamp[us, UTC]"), window=window)

    def test_are_asked_for_and_kept(self) -> None:
        block = {
            **DATA,
            "query_params": {"since": "{window_start}", "until": "{window_end:%d.%m.%Y}"},
            "pagination": {"style": "page", "last": "$.done", "total": "$.n"},
        }
        with (
            rest(api(lambda asked: {"data": self.ROWS, "n": len(self.ROWS), "done": True}), block) as (source, server),
            source.read(self.request(5, 10)) as reading,
        ):
            ids = [cell for batch in reading.batches() for cell in batch.frame["id"]]
            assert (reading.count(), reading.null_cursors()) == (6, 1)
            assert query(server.asked[0]) == {"since": "2026-01-05T00:00:00Z", "until": "10.01.2026", "page": "1"}
        # A cursor that is no date is for the gate to refuse.
        assert ids == ["5", "6", "7", "8", "9", "98"]

    def test_without_a_start_leave_the_parameter_out(self) -> None:
        with rest(api(lambda asked: self.ROWS), {"query_params": {"since": "{window_start}"}}) as (source, server):
            everything(source, self.request(None, 10))
            assert server.asked[0].target == "/v1/things"

    def test_records_without_the_cursor_are_in_no_window(self) -> None:
        with rest(api(lambda asked: numbered(3))) as (source, _), source.read(self.request(5, 10)) as reading:
            assert (next(iter(reading.batches())).frame.height, reading.null_cursors()) == (0, 3)

    def test_of_dates(self) -> None:
        rows = [{"id": day, "d": f"2026-01-{day:02d}"} for day in range(1, 10)]
        request = request_of(cursor="d", cursor_type=parse_type("date"), window=Window(date(2026, 1, 3), date(2026, 1, 5)))
        with rest(api(lambda asked: rows)) as (source, _):
            assert everything(source, request)[0]["id"].to_list() == ["3", "4"]

    def test_of_a_form_of_their_own(self) -> None:
        rows = [{"id": day, "d": f"{day:02d}/01/2026"} for day in range(1, 10)]
        request = request_of(cursor="d", cursor_type=parse_type("date"), window=Window(date(2026, 1, 3), date(2026, 1, 5)))
        with rest(api(lambda asked: rows), {"columns": {"d": {"type": "date", "parse": "%d/%m/%Y"}}}) as (source, _):
            assert everything(source, request)[0]["id"].to_list() == ["3", "4"]

    @pytest.mark.parametrize(("rows", "new"), [(ROWS[:4], False), (ROWS[:6], True), ([], False), ([{"at": "soon"}], True)])
    def test_peek_tells_whether_there_is_anything_new(self, rows: list[dict[str, Any]], new: bool) -> None:
        with rest(api(lambda asked: rows)) as (source, _), source.read(self.request(5, 10)) as reading:
            assert reading.peek() is new

    def test_peek_reads_one_page(self) -> None:
        block = {**DATA, "pagination": {"style": "offset", "size": {"limit": 10}, "total": "$.total"}}
        with rest(paged(numbered(100)), block) as (source, server), source.read(ReadRequest()) as reading:
            assert (reading.peek(), reading.first_total()) == (True, 100)
            assert len(server.asked) == 1
            assert sum(batch.frame.height for batch in reading.batches()) == 100


class TestVersions:
    def test_etag(self) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes:
            return reply("", "304 Not Modified") if asked.header("if-none-match") == '"v1"' else reply("[]", etag='"v1"')

        with rest(answer, {"changes": {"by": "modified"}}) as (source, _), closing(source):
            pinned = source.files()
            assert [file.fingerprint for file in pinned] == ['"v1"']
            assert source.version(pinned[0]) is None
            assert source.version(PinnedFile("GET /v1/things", 0, 0, '"v0"')) == pinned[0]

    def test_last_modified(self) -> None:
        stamp = "Mon, 05 Jan 2026 10:00:00 GMT"

        def answer(asked: Asked, sock: socket.socket) -> bytes:
            return (
                reply("", "304 Not Modified") if asked.header("if-modified-since") == stamp else reply("[]", last_modified=stamp)
            )

        with rest(answer, {"changes": {"by": "modified"}}) as (source, _), closing(source):
            (pinned,) = source.files()
            assert source.version(pinned) is None
            assert source.version(None) == pinned

    def test_an_api_without_either_says_so(self) -> None:
        with (
            rest(lambda asked, sock: reply("[]"), {"changes": {"by": "modified"}}) as (source, _),
            pytest.raises(PermanentError) as caught,
        ):
            source.files()
        assert caught.value.code == "E_CHANGES"

    def test_nothing_is_asked_without_changes(self) -> None:
        with rest(lambda asked, sock: reply("[]")) as (source, server):
            assert source.files() is None
            assert server.asked == []


class TestTime:
    def test_pages_side_by_side_are_faster_than_one_by_one(self) -> None:
        rows = numbered(200)

        def answer(asked: dict[str, str]) -> Any:
            time.sleep(0.1)
            at = int(asked["offset"])
            return {"data": rows[at : at + 10], "total": 200}

        block = {**DATA, "pagination": {"style": "offset", "size": {"limit": 10}, "total": "$.total"}}
        with rest(api(answer), block) as (source, _):
            began = time.monotonic()
            assert everything(source)[0]["id"].to_list() == [str(number) for number in range(200)]
            assert time.monotonic() - began < 1.6

    def test_cancel_ends_a_read_within_a_second(self) -> None:
        arrived = threading.Event()

        def answer(asked: Asked, sock: socket.socket) -> bytes:
            if "cursor" in query(asked):
                arrived.set()
                time.sleep(5)
            return reply(json.dumps({"data": numbered(1), "next": "x"}))

        with rest(answer, {**DATA, "pagination": {"style": "cursor", "token": "$.next"}}) as (source, server):
            found: list[BaseException] = []

            def run() -> None:
                try:
                    everything(source)
                except ConnectorError as error:
                    found.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            assert arrived.wait(10)
            began = time.monotonic()
            source.cancel()
            thread.join(timeout=10)
            assert time.monotonic() - began < 1
            server.done.set()
        assert [error.code for error in found] == ["E_CANCELLED"]


def test_a_plan_names_the_request_and_asks_nothing() -> None:
    block = {**DATA, "query_params": {"since": "{window_start}", "region": "{region}"}, "rate_limit": "10/s",
             "pagination": {"style": "page", "size": {"limit": 100}, "total": "$.total"}}  # fmt: skip
    with rest(lambda asked, sock: reply("[]"), block, login="u", password=CANARY) as (source, server):
        request = ReadRequest(
            variables={"region": "K&R"},
            cursor="at",
            cursor_type=parse_type("date"),
            window=Window(date(2026, 1, 1), date(2026, 1, 2)),
        )
        assert source.explain(request) == [
            "GET /v1/things?since=2026-01-01&region=K%26R&limit=100&page=1 (api)", "records $.data[*]",
            "pages by page, size {'limit': 100}, total $.total", "at most 10/s requests",
        ]  # fmt: skip
        assert server.asked == []


def test_a_rate_limit_holds_for_all_pages() -> None:
    block = {**DATA, "rate_limit": "20/s", "pagination": {"style": "page", "size": {"limit": 10}, "total": "$.total"}}
    with rest(paged(numbered(60)), block) as (source, _):
        began = time.monotonic()
        everything(source)
        assert time.monotonic() - began >= 0.25
