"""A bounded memory of forward passes, from which backward passes take what they need.

A forward pass cannot know whether a backward pass will follow, nor how many others come before it.
So it is saved under a ticket, and the memory may drop it: whoever comes with the ticket of a pass
that is gone computes it again.
"""

import threading

from relational_rl.kernels.network import Buffers, Pass


class Slot:
    """Room for one forward pass of a batch, split into shares. Belongs to `SavedPasses`.

    Attributes:
      buffers: one for each share that a pass here has had.
      passes: the shares of the pass that lies here.
      ticket: of that pass; None while it is being computed.
    """

    def __init__(self) -> None:
        self.buffers: list[Buffers] = []
        self.passes: list[Pass] = []
        self.ticket: int | None = None
        self._busy = True
        self._keep_until = 0

    def buffer(self, share: int) -> Buffers:
        """Returns the buffers of a share."""
        while len(self.buffers) <= share:
            self.buffers.append(Buffers())
        return self.buffers[share]


# A pass is dropped for a new one once this many times its images were computed after it, so that
# many small passes (acting) do not drop a large one (learning) that its backward pass still needs.
_KEEP = 16


class SavedPasses:
    """Slots for forward passes, handed out to one thread at a time each.

    There is one slot until a backward pass misses its forward pass or two threads compute at once;
    then another is made, up to `most`. In a loop of one forward and one backward pass everything is
    computed in the same memory.
    """

    def __init__(self, most: int = 4):
        """Makes the memory, for at most `most` passes (at least 1)."""
        self._most = most
        self._room = 1
        self._slots: list[Slot] = []
        self._clock = 0  # images of all forward passes so far
        self._tickets = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Returns how many slots there are."""
        return len(self._slots)

    def take(self) -> Slot:
        """Returns a slot to compute a forward pass in; the pass that lay there is dropped.

        It is the caller's until `save` or `release`. Beyond `most` threads at once it is a slot
        that is not kept.
        """
        with self._lock:
            idle = [slot for slot in self._slots if not slot._busy]
            spent = [slot for slot in idle if slot._keep_until == 0]
            if not idle or (not spent and len(self._slots) < self._room):
                slot = Slot()
                if len(self._slots) < self._most:
                    self._slots.append(slot)
                return slot
            slot = min(spent or idle, key=lambda slot: slot._keep_until)
            slot._busy = True
            slot.ticket = None
        slot.passes = []
        return slot

    def save(self, slot: Slot, num_images: int) -> int:
        """Saves the pass of `num_images` images that was computed in a slot; returns its ticket."""
        with self._lock:
            self._tickets += 1
            self._clock += num_images
            slot.ticket = self._tickets
            slot._keep_until = self._clock + _KEEP * num_images
            slot._busy = False
            return slot.ticket

    def find(self, ticket: int) -> Slot | None:
        """Returns the slot of a saved pass, the caller's until `release`; None if it is gone."""
        with self._lock:
            for slot in self._slots:
                if slot.ticket == ticket and not slot._busy:
                    slot._busy = True
                    return slot
            self._room = min(max(self._room, len(self._slots)) + 1, self._most)
            return None

    def release(self, slot: Slot, ticket: int | None = None) -> None:
        """Gives a slot back; what lies there is the first to be dropped.

        Args:
          slot: from `take` or `find`.
          ticket: of the pass that lies there; None if it is of no use.
        """
        with self._lock:
            slot.ticket = ticket
            slot._keep_until = 0
            slot._busy = False
