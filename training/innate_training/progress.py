"""A progress bar on a terminal, a line every half minute elsewhere."""

import sys
import time


class Progress:
    """How far a run is: `total` images, of which `start` were made before. `quiet` says nothing."""

    def __init__(self, total, start=0, label="", quiet=False) -> None:
        self.label, self.total, self.quiet, self.bar = label, total, quiet, None
        self.last = time.monotonic()
        if not quiet and sys.stderr.isatty():
            try:
                from tqdm import tqdm

                self.bar = tqdm(total=total, initial=start, desc=label, unit="img", dynamic_ncols=True, smoothing=0.1)
            except ImportError:
                pass

    def update(self, done, **fields) -> None:
        """Shows that `done` images of the total are made; `fields` are numbers of the last step."""
        text = "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in fields.items())
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(done - self.bar.n)
        elif not self.quiet and time.monotonic() - self.last > 30:
            self.last = time.monotonic()
            print(f"{self.label}: {done:,} of {self.total:,}  {text}", flush=True)

    def say(self, text) -> None:
        """Prints a line without breaking the bar."""
        if self.bar is not None:
            self.bar.write(text)
        elif not self.quiet:
            print(text, flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
