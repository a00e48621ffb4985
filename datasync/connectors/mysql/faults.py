"""A MySQL error's number in, an error in our words out; the server's own text may hold values of rows and stays out."""

from __future__ import annotations

from datasync.connectors.sql.missing import missing
from datasync.errors import DataSyncError, PermanentError, TransientError

_LOST = "the connection failed or was lost"
_CONSTRAINT = "a unique constraint of the table refuses the rows"
_CHECK = "a check constraint of the table refuses the rows"
_FOREIGN = "a foreign key refuses the rows"
_VALUE = "a value does not fit its column"
_CANCELLED = "the statement was cancelled"

_TRANSIENT = {
    1205: ("a lock was not given in time", "E_LOCKED"),
    1213: ("a deadlock was broken", "E_LOCKED"),
    3572: ("a lock was not given in time", "E_LOCKED"),
    1020: ("a row changed under the transaction", "E_LOCKED"),
    1040: ("the server has no free connection", "E_CONNECT"),
    1203: ("the user has no free connection", "E_CONNECT"),
    1053: ("the server is shutting down", "E_CONNECT"),
    1317: (_CANCELLED, "E_CANCELLED"),
    1028: (_CANCELLED, "E_CANCELLED"),
    1969: ("the statement took longer than the server allows", "E_TIMEOUT"),
    3024: ("the statement took longer than the server allows", "E_TIMEOUT"),
    **dict.fromkeys((1080, 1152, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2005, 2006, 2013, 2014, 2055), (_LOST, "E_CONNECT")),
}  # fmt: skip
_PERMANENT = {
    1146: ("no such table", "E_NO_TABLE"),
    1051: ("no such table", "E_NO_TABLE"),
    1054: ("no such column", "E_NO_TABLE"),
    1049: ("no such database", "E_CONNECT"),
    1045: ("the password is wrong, or the user may not sign in", "E_SIGN_IN"),
    1698: ("the user may not sign in this way", "E_SIGN_IN"),
    2061: ("the server wants a safe connection to sign in (ssl)", "E_SIGN_IN"),
    1251: ("the server wants another way to sign in", "E_SIGN_IN"),
    2026: ("no safe connection could be made (ssl)", "E_CONNECT"),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), ("permission denied", "E_PERMISSION")),
    **dict.fromkeys((1290, 1792, 1836), ("the server, or the transaction, is read-only", "E_PERMISSION")),
    **dict.fromkeys((1062, 1586), (_CONSTRAINT, "E_CONSTRAINT")),
    **dict.fromkeys((1048, 1364, 1263), ("a column of the table must not be NULL", "E_CONSTRAINT")),
    **dict.fromkeys((1216, 1217, 1451, 1452), (_FOREIGN, "E_CONSTRAINT")),
    **dict.fromkeys((3819, 4025), (_CHECK, "E_CONSTRAINT")),
    **dict.fromkeys((1264, 1265, 1292, 1366, 1406, 1411, 1690, 1300), (_VALUE, "E_VALUE")),
    **dict.fromkeys((1021, 1114), ("the server's disk or table space is full", "E_DISK_FULL")),
    1118: ("the row would be longer than InnoDB allows", "E_SQL"),
    1153: ("a statement is longer than max_allowed_packet", "E_LIMIT"),
    2020: ("a row is longer than max_allowed_packet", "E_LIMIT"),
    1060: ("a query names a column twice", "E_SQL"),
    **dict.fromkeys((1148, 3948), ("the server does not take LOAD DATA LOCAL", "E_LOCAL_INFILE")),
}  # fmt: skip


def say(number: int | None, name: str, text: str = "") -> DataSyncError:
    """Say an error number in our words.

    Args:
        number: of the server or the client library; None: the connection failed before there was one.
        name: the connection's id.
        text: the server's, of which only the name of a table or column that is missing is taken.
    """
    if number is None:
        return TransientError(f"mysql {name}: {_LOST}", code="E_CONNECT")
    if number in _TRANSIENT:
        words, code = _TRANSIENT[number]
        return TransientError(f"mysql {name}: {words} ({number})", code=code)
    words, code = _PERMANENT.get(number, ("the server refused the statement", "E_SQL"))
    what, hint = missing(text) if code == "E_NO_TABLE" else ("", "")
    return PermanentError(f"mysql {name}: {words}{what} ({number})", code=code, hint=hint)


def translate(error: Exception, name: str) -> DataSyncError:
    """Say a pymysql error, or one of its socket, in our words.

    Args:
        error: pymysql.Error, OSError, or EOFError for a connection that ended in the middle of a result.
        name: the connection's id.
    """
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if isinstance(error, OSError | EOFError) or number == 0:
        return say(None, name)
    if number is None:
        return PermanentError(f"mysql {name}: {type(error).__name__}", code="E_SQL")
    return say(number, name, str(error.args[1]) if len(error.args) > 1 else "")
