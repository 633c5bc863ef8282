"""Keys and values of a batch whose rows stand at different lengths, and attention over them.

Does: keep each row in a slot of preallocated memory, token i of a row at position i, so that a row
can end, begin or take back tokens while the others go on, and nothing is copied per step. Does not:
decide which rows run (slot_decoding.py). Imported only together with torch.

The usual cache (transformers' DynamicCache) is copied whole for every token, and its rows are
padded to one length; with grouped-query attention the keys are repeated per query head too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache

ATTENTION = "pawl_slots"
GROWTH = 128  # tokens; memory follows the longest row in steps of this size


class SlotStep:
    """One forward pass over tokens of several rows, one row's after another's without padding."""

    def __init__(
        self, first: int, starts: Sequence[int], counts: Sequence[int], device: torch.device
    ) -> None:
        """Args:
        first: first slot; the rows lie in consecutive slots from here on.
        starts: position of each row's first token in this pass.
        counts: tokens of each row in this pass.
        """
        self.rows, self.width = slice(first, first + len(counts)), max(counts)
        self.end = max(start + count for start, count in zip(starts, counts, strict=True))
        count = torch.tensor(counts)
        lines = torch.repeat_interleave(count)
        offsets = torch.cat([torch.arange(n) for n in counts])
        places = lines * self.width + offsets
        positions = torch.tensor(starts)[lines] + offsets
        table = torch.zeros(len(counts) * self.width, dtype=torch.long)
        table[places] = positions
        self.slots = (lines + first).to(device)
        self.positions = positions.to(device)
        self._table = table.view(len(counts), self.width).to(device)
        # None: every row has as many tokens, and they are a table as they are.
        self._places = None if len(places) == len(table) else places.to(device)
        self._masks: dict[Any, torch.Tensor] = {}

    def padded(self, tokens: torch.Tensor) -> torch.Tensor:
        """(tokens of all rows, ...) as (rows, tokens, ...), with zeros behind the shorter rows."""
        shape = (*self._table.shape, *tokens.shape[1:])
        if self._places is None:
            return tokens.reshape(shape)
        table = tokens.new_zeros((self._table.numel(), *tokens.shape[1:]))
        table[self._places] = tokens
        return table.view(shape)

    def packed(self, table: torch.Tensor) -> torch.Tensor:
        """The reverse of `padded`."""
        tokens = table.reshape(-1, *table.shape[2:])
        return tokens if self._places is None else tokens[self._places]

    def mask(self, window: int | None, groups: int, dtype: torch.dtype) -> torch.Tensor:
        """0 where a token may look and -inf elsewhere, shape (rows, 1, groups * tokens, end).

        A token sees itself and what stands before it, at most `window` tokens including itself.
        """
        key = (window, groups, dtype)
        if key not in self._masks:
            at = torch.arange(self.end, device=self._table.device)
            own = self._table[:, :, None]
            seen = at <= own
            if window is not None:
                seen &= at > own - window
            mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
            mask.masked_fill_(~seen, float("-inf"))
            self._masks[key] = mask.repeat(1, groups, 1)[:, None]
        return self._masks[key]


class SlotCache(Cache):
    """Key and value memory of `slots` rows, per layer of shape (slots, positions, heads, width)."""

    def __init__(self, slots: int) -> None:
        super().__init__(layers=[])
        self.slots = slots
        self.memory: list[list[torch.Tensor]] = []
        self.step: SlotStep

    def begin(self, step: SlotStep) -> None:
        """Make room for a forward pass."""
        self.step = step
        if self.memory and step.end > self.memory[0][0].shape[1]:
            grown = _rounded_up(step.end) - self.memory[0][0].shape[1]
            pad = torch.nn.functional.pad
            self.memory = [[pad(m, (0, 0, 0, 0, 0, grown)) for m in layer] for layer in self.memory]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store what the running step computed, (1, heads, tokens, width).

        Returns keys and values of its rows up to its end, each (rows, heads, end, width).
        """
        step = self.step
        if layer_idx == len(self.memory):
            self.memory.append([self._empty(key_states), self._empty(value_states)])
        views = []
        for memory, states in zip(self.memory[layer_idx], (key_states, value_states), strict=True):
            memory[step.slots, step.positions] = states[0].transpose(0, 1)
            views.append(memory[step.rows, : step.end].transpose(1, 2))
        return views[0], views[1]

    def _empty(self, states: torch.Tensor) -> torch.Tensor:
        _, heads, _, width = states.shape
        return states.new_zeros((self.slots, _rounded_up(self.step.end), heads, width))

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` tokens of one slot to another."""
        for layer in self.memory:
            for memory in layer:
                memory[target, :length] = memory[source, :length]

    def copy_prefix(self, source: int, first: int, rows: int, length: int) -> None:
        """Copy the first `length` tokens of one slot to `rows` slots from `first` on."""
        for layer in self.memory:
            for memory in layer:
                memory[first : first + rows, :length] = memory[source, :length].clone()


def _rounded_up(length: int) -> int:
    return -(-length // GROWTH) * GROWTH


def slot_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    slot_step: SlotStep | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention in the form transformers' AttentionInterface asks for.

    The query heads that share a key head (grouped-query attention, Ainslie et al. 2023) are laid
    side by side as if they were further tokens, so that keys and values need not be repeated.
    """
    assert slot_step is not None, "the model does not hand keyword arguments to its attention"
    rows, shared, _, width = key.shape
    groups = query.shape[1] // shared
    table = slot_step.padded(query[0].transpose(0, 1))  # (rows, tokens, heads, width)
    tokens = table.shape[1]
    table = table.view(rows, tokens, shared, groups, width).permute(0, 2, 3, 1, 4)
    output = torch.nn.functional.scaled_dot_product_attention(
        table.reshape(rows, shared, groups * tokens, width), key, value,
        attn_mask=slot_step.mask(sliding_window, groups, query.dtype), scale=scaling,
    )  # fmt: skip
    output = output.view(rows, shared, groups, tokens, -1).permute(0, 3, 1, 2, 4)
    output = output.reshape(rows, tokens, shared * groups, -1)
    return slot_step.packed(output)[None], None


AttentionInterface.register(ATTENTION, slot_attention)
