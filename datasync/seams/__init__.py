"""The seams of the house: what a source, a target, a staging table and a transform must offer.

Connectors, transforms and gates are blind to each other and meet only in these protocols and values. Frames are polars
DataFrames, which share their memory with Arrow record batches. Nothing here does I/O or imports a heavy library.
"""

from datasync.seams.batches import POSITION, POSITION_BITS, STAGES, Batch, Part, StageName, Window, WindowValue, decode_position
from datasync.seams.channel import Channel
from datasync.seams.reading import Connection, PinnedFile, Reading, ReadRequest, Source, Surroundings, UnreadableRow
from datasync.seams.target import GxAccess, Staging, StagingWriter, Target
from datasync.seams.transform import Means, RejectedRows, Transform, TransformTally
from datasync.seams.writing import (
    Commit,
    Deletes,
    Delivery,
    HistoryColumns,
    Published,
    PublishRequest,
    RecheckFailed,
    Removals,
    TargetSpec,
    TargetState,
    TooManyRefused,
    WriteMode,
)

__all__ = [
    "POSITION",
    "POSITION_BITS",
    "STAGES",
    "Batch",
    "Channel",
    "Commit",
    "Connection",
    "Deletes",
    "Delivery",
    "GxAccess",
    "HistoryColumns",
    "Means",
    "Part",
    "PinnedFile",
    "PublishRequest",
    "Published",
    "ReadRequest",
    "Reading",
    "RecheckFailed",
    "RejectedRows",
    "Removals",
    "Source",
    "StageName",
    "Staging",
    "StagingWriter",
    "Surroundings",
    "Target",
    "TargetSpec",
    "TargetState",
    "TooManyRefused",
    "Transform",
    "TransformTally",
    "UnreadableRow",
    "Window",
    "WindowValue",
    "WriteMode",
    "decode_position",
]
