"""Columns of numbers from and to Postgres: binary COPY, read and written as arrays of numpy."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.errors import error_from_result
from sqlalchemy import Connection

from scorekeeper.store.copy_format import HEADER, TRAILER
from scorekeeper.store.database import open_copy

_LENGTHS_AT_THE_END = (len(TRAILER), len(HEADER) + len(TRAILER))
_BUFFER_BYTES = 8 << 20

Columns = dict[str, NDArray[Any]]


def _record(columns: Mapping[str, str]) -> np.dtype[np.void]:
    """One row as COPY has it: the count of its fields, and before each field its length in bytes."""
    fields = [("count", ">i2")]
    for column, kind in columns.items():
        fields += [(f"{column}_bytes", ">i4"), (column, kind)]
    return np.dtype(fields)


def read_columns(
    connection: Connection, name: str, columns: Mapping[str, str], short: Collection[str] = ()
) -> Columns:
    """The columns of the COPY statement `name`: numpy's kind of each in network order, as >i4, by column, in order.

    The rows have no nulls, so all have the same length. A timestamptz is a >i8: microseconds since 2000. `short`:
    columns of >f8 that are held in a quarter or half of the memory where nothing is lost: whole numbers up to 2,048
    lose nothing in a quarter.
    """
    record = _record(columns)
    blocks: dict[str, list[NDArray[Any]]] = {
        column: [np.empty(0, np.float16 if column in short else np.dtype(kind).newbyteorder("="))]
        for column, kind in columns.items()
    }
    waiting = bytearray()

    def take(end: int) -> None:
        whole = np.frombuffer(bytes(waiting[:end]), dtype=record)
        if (whole["count"] != len(columns)).any():
            raise AssertionError(f"{name} does not give the columns that are read")
        for column, kind in columns.items():
            values = whole[column].astype(np.dtype(kind).newbyteorder("="))
            blocks[column].append(_shorten(values) if column in short else values)
        del waiting[:end]

    with open_copy(connection, name) as copy:
        headed = False
        for row in _rows(copy):
            waiting += row
            if not headed and len(waiting) >= len(HEADER):
                assert waiting.startswith(HEADER)
                del waiting[: len(HEADER)]
                headed = True
            if len(waiting) >= _BUFFER_BYTES:
                take(len(waiting) // record.itemsize * record.itemsize)
    take(len(waiting) - len(TRAILER))
    return {column: np.concatenate(blocks.pop(column)) for column in columns}


def _shorten(values: NDArray[Any]) -> NDArray[Any]:
    for kind in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            shorter = values.astype(kind)
        if np.array_equal(shorter, values, equal_nan=True):
            return shorter
    return values


def _rows(copy: psycopg.Copy) -> Iterator[Buffer]:
    """The messages of a binary COPY, one a row. What has arrived is taken at once: psycopg would wait for each row."""
    take = copy.connection.pgconn.get_copy_data
    while row := copy.read():
        yield row
        # The end of the copy is left to psycopg. Without rows the trailer comes with the header.
        while not (len(row) in _LENGTHS_AT_THE_END and bytes(row).endswith(TRAILER)):
            size, row = take(1)
            if size < 0:
                raise _failure(copy.connection.pgconn)
            if not size:
                break
            yield row


def _failure(connection: psycopg.pq.abc.PGconn) -> psycopg.Error:
    """The error for which the server ended a copy."""
    failure: psycopg.Error = psycopg.OperationalError("the copy ended without its trailer")
    while (result := connection.get_result()) is not None:
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            failure = error_from_result(result)
    return failure


def write_columns(connection: Connection, name: str, columns: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Write arrays of one length by the COPY statement `name`; `columns` as in read_columns. A null is not possible."""
    record = _record(columns)
    rows = np.empty(len(next(iter(values.values()))), dtype=record)
    rows["count"] = len(columns)
    for column in columns:
        rows[f"{column}_bytes"] = record[column].itemsize
        rows[column] = values[column]
    with open_copy(connection, name) as copy:
        copy.write(HEADER)
        step = max(1, _BUFFER_BYTES // record.itemsize)
        for start in range(0, len(rows), step):
            copy.write(rows[start : start + step].tobytes())
        copy.write(TRAILER)
