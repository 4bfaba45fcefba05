"""The record of a run of your own while it trains, and callbacks that keep it for the usual libraries."""

from grokbench.recorder.record import MemorizedWarning, Recorder

__all__ = ["MemorizedWarning", "Recorder"]
