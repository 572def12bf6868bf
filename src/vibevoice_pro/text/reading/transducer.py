"""A finite-state transducer that rewrites text, read from the files of `kitten-text-processing`.

The package carries the grammars of NeMo text processing as byte transducers with weights, and runs
them in Python. Here OpenFst runs them (through `kaldifst`), which would visit thousands of states
for each place of a text; so the graphs are changed first, and say the same:

- Most states only put out a byte and go on to the next one. Such a chain becomes the label of the
  arc that leads into it.
- From where a word begins, arcs that read nothing lead to the begins of a thousand readings. Such a
  state gets the arcs that read from all of these, so that the next byte decides.
"""

from __future__ import annotations

import gzip
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kaldifst
import numpy as np
import numpy.typing as npt
from kitten_text_processing._fst import NoPathError

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer]

_HEADER = struct.Struct("<8sIII")  # magic, start, states, arcs
_MAGIC = b"KITTEN1\0"
_BYTES = [b"", *(bytes((byte,)) for byte in range(1, 256))]

_MANY = 32  # states reached without reading, from which on a state gets their arcs itself
_LOTS = 1e6
_LONGEST = 100  # arcs in a row that read nothing

_FST_MAGIC = 2125659606
_FST_VERSION = 2  # of files that are not aligned
_EXPANDED_AND_SORTED = 0x10000001  # OpenFst's kExpanded | kILabelSorted
_STATE = np.dtype([("final", "<f4"), ("at", "<u4"), ("arcs", "<u4"), ("in", "<u4"), ("out", "<u4")])
_ARC = np.dtype([("in", "<i4"), ("out", "<i4"), ("weight", "<f4"), ("target", "<i4")])


class Transducer:
    """Rewrites text by the path of least weight."""

    def __init__(self, path: Path) -> None:
        """Read a grammar of `kitten-text-processing`: tenths of a second, at most.

        Raises:
            ValueError: the file is no such grammar.
        """
        graph = _Graph.read(path).contracted().flattened()
        self._outputs = graph.outputs
        with tempfile.TemporaryDirectory(prefix="vibevoice-") as folder:
            file = Path(folder) / "grammar.fst"  # kaldifst reads files only
            graph.write(file)
            self._fst = kaldifst.StdConstFst.read(str(file))

    def rewrite(self, text: str) -> str:
        """The text rewritten.

        Raises:
            NoPathError: the grammar does not know such a text.
        """
        codes = list(text.replace("\0", "").encode())
        paths = kaldifst.compose(kaldifst.make_linear_acceptor(codes), self._fst)
        if paths.start < 0:
            raise NoPathError(f"no path for {text[:80]!r}")
        _, _, labels, _ = kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(paths))
        return b"".join(self._outputs[label] for label in labels).decode(errors="replace")


@dataclass(frozen=True)
class _Graph:
    """States and arcs as arrays; the arcs of a state lie together, sorted by what they read.

    Attributes:
        start: state.
        arcs_at: (states + 1,), where the arcs of each state begin.
        final: (states,), weight of ending there, infinite where a text cannot end.
        reads: (arcs,), byte that an arc takes, 0: none.
        says: (arcs,), label of what it puts out, 0: nothing.
        target: (arcs,), state that it leads to.
        weight: (arcs,).
        outputs: what is put out for each label.
    """

    start: int
    arcs_at: Ints
    final: Floats
    reads: Ints
    says: Ints
    target: Ints
    weight: Floats
    outputs: list[bytes]

    @staticmethod
    def read(path: Path) -> _Graph:
        data = gzip.decompress(path.read_bytes())
        magic, start, states, arcs = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ValueError(f"{path} is no grammar that can be read here")
        at = _HEADER.size

        def array(kind: str, size: int) -> npt.NDArray[np.generic]:
            nonlocal at
            values = np.frombuffer(data, f"<{kind}4", size, at)
            at += values.nbytes
            return values

        arcs_at, final = array("i", states + 1), array("f", states)
        labels, target, weight = array("i", arcs), array("i", arcs), array("f", arcs)
        return _Graph(start, arcs_at, final, labels & 255, labels >> 8, target, weight, _BYTES)  # type: ignore[operator, arg-type]

    @property
    def source(self) -> Ints:
        """(arcs,), state that an arc leaves."""
        return np.repeat(np.arange(len(self.final), dtype=np.int32), np.diff(self.arcs_at))

    def contracted(self) -> _Graph:
        """The graph without states that only put out a byte; begins with a label for each byte."""
        count = np.diff(self.arcs_at)
        first = np.minimum(self.arcs_at[:-1], len(self.reads) - 1)
        passed = (count == 1) & (self.reads[first] == 0) & (self.weight[first] == 0)
        passed &= np.isinf(self.final)
        passed[self.start] = False

        kept = ~passed
        arcs = kept[self.source]
        says, target = self.says[arcs], self.target[arcs]
        into = np.flatnonzero(passed[target])
        said, at = [says[into].astype(np.uint8)], target[into]
        while (on := np.flatnonzero(passed[at])).size:
            said.append(np.zeros(len(at), np.uint8))
            said[-1][on] = self.says[first[at[on]]]
            at[on] = self.target[first[at[on]]]
        rows = np.ascontiguousarray(np.stack(said, axis=1))
        outputs, labels = np.unique(rows.view(f"S{len(said)}").ravel(), return_inverse=True)
        says[into], target[into] = len(_BYTES) + labels, at

        number = np.cumsum(kept, dtype=np.int32) - 1
        return _Graph(
            int(number[self.start]),
            np.concatenate([[0], np.cumsum(count[kept])]).astype(np.int32),
            self.final[kept],
            self.reads[arcs],
            says,
            number[target],
            self.weight[arcs],
            [*_BYTES, *(output.replace(b"\0", b"") for output in outputs.tolist())],
        )

    def flattened(self) -> _Graph:
        """The graph where each state from which many are reached silently has their arcs itself."""
        hubs = np.flatnonzero(self._silent_paths() > _MANY).astype(np.int32)
        if not hubs.size:
            return self
        (hub, state, says, weight), outputs = self._reached_silently(hubs)
        count = np.diff(self.arcs_at)[state]
        pair = np.repeat(np.arange(len(state)), count)  # which path, for each arc at its end
        arc = _runs(self.arcs_at[state], count)
        audible = self.reads[arc] != 0
        pair, arc = pair[audible], arc[audible]
        best = _least(weight[pair] + self.weight[arc], hub[pair], self.reads[arc], self.target[arc])
        pair, arc = pair[best], arc[best]
        labels = _Labels(outputs)
        said = labels.joined(says[pair], self.says[arc])
        ends = np.flatnonzero(np.isfinite(self.final[state]) & (hub != state))

        is_hub = np.zeros(len(self.final), bool)
        is_hub[hubs] = True
        rest = ~is_hub[self.source]
        source = np.concatenate([self.source[rest], hub[pair], hub[ends]])
        reads = np.concatenate([self.reads[rest], self.reads[arc], np.zeros(len(ends), np.int32)])
        order = np.lexsort((reads, source))
        return _Graph(
            self.start,
            np.concatenate([[0], np.cumsum(np.bincount(source, minlength=len(self.final)))]).astype(
                np.int32
            ),
            self.final,
            reads[order],
            np.concatenate([self.says[rest], said, says[ends]])[order],
            np.concatenate([self.target[rest], self.target[arc], state[ends]])[order],
            np.concatenate([self.weight[rest], weight[pair] + self.weight[arc], weight[ends]])[
                order
            ],
            labels.outputs,
        )

    def _silent_paths(self) -> npt.NDArray[np.float64]:
        """(states,), on how many paths that read nothing others are reached, at most `_LOTS`."""
        silent = self.reads == 0
        source, target = self.source[silent], self.target[silent]
        paths: npt.NDArray[np.float64] = np.ones(len(self.final))
        for _ in range(_LONGEST):
            more = 1.0 + np.bincount(source, weights=paths[target], minlength=len(paths))
            more = np.minimum(more, _LOTS)
            if np.array_equal(more, paths):
                break
            paths = more
        return paths

    def _reached_silently(self, hubs: Ints) -> tuple[tuple[Ints, Ints, Ints, Floats], list[bytes]]:
        """The states that each hub reaches without reading, by the path of least weight.

        Returns hub, state, label and weight of each such path, (paths,) each, and the outputs. The
        paths are in the order in which a depth-first search leaves their states: of several
        readings that weigh the same, OpenFst takes one by this order.
        """
        silent = self.reads == 0
        count = np.bincount(self.source[silent], minlength=len(self.final))
        at = np.cumsum(count) - count
        target, says, weights = self.target[silent], self.says[silent], self.weight[silent]
        labels = _Labels(self.outputs)
        last = np.iinfo(np.int32).max
        way = np.full((len(hubs), 1), last, np.int32)  # arcs of a path; what ends comes last
        no_weight = np.zeros(len(hubs), np.float32)
        news: tuple[npt.NDArray[Any], ...] = hubs, hubs, np.zeros_like(hubs), no_weight, way
        found = news
        for _ in range(_LONGEST):
            hub, state, said, weight, way = news
            arc = _runs(at[state], count[state])
            which = np.repeat(np.arange(len(state)), count[state])
            hub, state, weight = hub[which], target[arc], weight[which] + weights[arc]
            tried = [
                np.concatenate(pair) for pair in zip(found, (hub, state, arc, weight), strict=False)
            ]
            best = _least(tried[3], tried[0], tried[1])
            old, new = best[best < len(found[0])], best[best >= len(found[0])] - len(found[0])
            if not new.size:
                break
            which, arc = which[new], arc[new].astype(np.int32)
            way = np.column_stack([way[which, :-1], arc, np.full(len(arc), last, np.int32)])
            news = hub[new], state[new], labels.joined(said[which], says[arc]), weight[new], way
            found = (
                *found[:4],
                np.column_stack([found[4], np.full(len(found[0]), last, np.int32)]),
            )
            found = tuple(np.concatenate([a[old], b]) for a, b in zip(found, news, strict=True))
        order = np.lexsort((*found[4].T[::-1], found[0]))
        hub, state, said, weight, _ = (values[order] for values in found)
        return (hub, state, said, weight), labels.outputs

    def write(self, path: Path) -> None:
        """As OpenFst's `const` type, little-endian."""
        states, arcs = np.zeros(len(self.final), _STATE), np.zeros(len(self.reads), _ARC)
        count = np.diff(self.arcs_at)
        source = np.repeat(np.arange(len(count)), count)
        states["final"], states["at"], states["arcs"] = self.final, self.arcs_at[:-1], count
        for field, labels in (("in", self.reads), ("out", self.says)):
            states[field] = np.bincount(source[labels == 0], minlength=len(count))
            arcs[field] = labels
        arcs["weight"], arcs["target"] = self.weight, self.target
        numbers = self.start, len(states), len(arcs)
        header = struct.pack("<i", _FST_MAGIC) + _string("const") + _string("standard")
        header += struct.pack("<iiQqqq", _FST_VERSION, 0, _EXPANDED_AND_SORTED, *numbers)
        with path.open("wb") as file:
            file.write(header)
            file.write(states.data)
            file.write(arcs.data)


class _Labels:
    """Numbers for outputs; the same output has the same number."""

    def __init__(self, outputs: list[bytes]) -> None:
        self.outputs = list(outputs)
        self._numbers = {output: number for number, output in enumerate(outputs)}

    def joined(self, first: Ints, second: Ints) -> Ints:
        """(n,), labels of what two labels put out one after the other."""
        size = len(self.outputs)
        pairs, which = np.unique(first.astype(np.int64) * size + second, return_inverse=True)
        joined = np.zeros(len(pairs), np.int32)
        for i, (one, other) in enumerate(divmod(pair, size) for pair in pairs.tolist()):
            output = self.outputs[one] + self.outputs[other]
            number = self._numbers.setdefault(output, len(self.outputs))
            if number == len(self.outputs):
                self.outputs.append(output)
            joined[i] = number
        labels: Ints = joined[which]
        return labels


def _runs(starts: Integers, counts: Integers) -> Integers:
    """`range(start, start + count)` of each, one after the other."""
    before = np.cumsum(counts) - counts
    runs: Integers = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    return runs


def _least(weight: Floats, *keys: Ints) -> Integers:
    """Indices of the least weight for each combination of keys, of several the first one."""
    order = np.lexsort((weight, *keys))
    first = np.ones(len(order), bool)
    first[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    least: Integers = np.sort(order[first])
    return least


def _string(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode()
