"""Keys and values of a batch whose rows stand at different lengths, and attention over them.

Does: keep each row in a slot of preallocated memory, token i of a row at position i, so that a row
can end, begin or take back tokens while the others go on, and nothing is copied per step. Does not:
decide which rows run (slot_decoding.py). Imported only together with torch.

The usual cache (transformers' DynamicCache) is copied whole for every token, and its rows are
padded to one length; with grouped-query attention the keys are repeated per query head too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache

ATTENTION = "pawl_slots"
GROWTH = 128  # tokens; memory follows the longest row in steps of this size


@dataclass
class SlotStep:
    """One forward pass: which slots it runs over and where each of its tokens stands."""

    first: int
    """First slot; the rows lie in consecutive slots from here on."""
    positions: torch.Tensor
    """Position of every token, shape (rows, tokens)."""
    end: int
    """Largest position + 1."""
    masks: dict[Any, torch.Tensor] = field(default_factory=dict)

    def mask(self, window: int | None, groups: int, dtype: torch.dtype) -> torch.Tensor:
        """0 where a token may look and -inf elsewhere, shape (rows, 1, groups * tokens, end).

        A token sees itself and what stands before it, at most `window` tokens including itself.
        """
        key = (window, groups, dtype)
        if key not in self.masks:
            at = torch.arange(self.end, device=self.positions.device)
            own = self.positions[:, :, None]
            seen = at <= own
            if window is not None:
                seen &= at > own - window
            mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
            mask.masked_fill_(~seen, float("-inf"))
            self.masks[key] = mask.repeat(1, groups, 1)[:, None]
        return self.masks[key]


class SlotCache(Cache):
    """Key and value memory of `slots` rows, per layer of shape (slots, positions, heads, width)."""

    def __init__(self, slots: int) -> None:
        super().__init__(layers=[])
        self.slots = slots
        self.memory: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.step: SlotStep

    def begin(self, first: int, positions: torch.Tensor, end: int) -> SlotStep:
        """Prepare a forward pass; `positions` has one line per slot from `first` on."""
        self.step = SlotStep(first, positions, end)
        if self.memory and end > self.memory[0][0].shape[1]:
            grown = _rounded_up(end) - self.memory[0][0].shape[1]
            self.memory = [
                tuple(torch.nn.functional.pad(m, (0, 0, 0, 0, 0, grown)) for m in layer)
                for layer in self.memory
            ]
        return self.step

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store what the running step computed, (rows, heads, tokens, width); return all so far."""
        step = self.step
        rows = len(key_states)
        if layer_idx == len(self.memory):
            self.memory.append((self._empty(key_states), self._empty(value_states)))
        slots = torch.arange(step.first, step.first + rows, device=key_states.device)[:, None]
        views = []
        for memory, states in zip(self.memory[layer_idx], (key_states, value_states), strict=True):
            memory[slots, step.positions] = states.transpose(1, 2)
            views.append(memory[step.first : step.first + rows, : step.end].transpose(1, 2))
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
    rows, heads, tokens, width = query.shape
    groups = heads // key.shape[1]
    query = query.reshape(rows, key.shape[1], groups * tokens, width)
    output = torch.nn.functional.scaled_dot_product_attention(
        query, key, value,
        attn_mask=slot_step.mask(sliding_window, groups, query.dtype), scale=scaling,
    )  # fmt: skip
    output = output.reshape(rows, heads, tokens, value.shape[-1])
    return output.transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, slot_attention)
