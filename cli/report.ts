import cliProgress from 'cli-progress';
import type { ActiveBackend } from '../src/gpu/backends';
import type { InnateError } from '../src/lib/errors';
import { formatBytes, whole } from '../src/lib/words';

/** Milliseconds between the lines that stand for a bar where there is no terminal. */
const LINE_MS = 10_000;

interface Out {
  write(text: string): unknown;
  isTTY?: boolean;
}

/** What a command says: its progress and notes on stderr, its result on stdout. */
export class Report {
  private bar: cliProgress.SingleBar | null = null;
  /** Without a terminal: what the lines count, since when and from where, and when the last one was. */
  private lines: { total: number; since: number; from: number; last: number } | null = null;

  constructor(
    private readonly json: boolean,
    private readonly err: Out = process.stderr,
    private readonly now: () => number = () => performance.now(),
  ) {}

  note(text: string): void {
    if (!this.json) this.err.write(`${text}\n`);
  }

  backend(active: ActiveBackend): void {
    this.note(`running on ${active.name}: ${active.label}`);
  }

  /** A bar on a terminal, else one line every ten seconds; nothing with --json. */
  progress = (done: number, total: number): void => {
    if (this.json || total === 0) return;
    if (!this.err.isTTY) {
      this.line(done, total);
      return;
    }
    this.show('{bar} {value}/{total} {eta_formatted} left', done, total);
    if (done >= total) this.endProgress();
  };

  /** The same of bytes that come; `total`, bytes a second and seconds left are null where they are not known. */
  transfer = (done: number, total: number | null, rate: number | null, left: number | null): void => {
    if (this.json) return;
    const text = [
      total === null ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`,
      ...(rate === null ? [] : [`${formatBytes(rate)}/s`]),
      ...(left === null ? [] : [`${duration(left)} left`]),
    ].join(', ');
    if (this.err.isTTY) {
      this.show(total === null ? '{text}' : '{bar} {text}', done, total ?? done, text);
      return;
    }
    const now = this.now();
    this.lines ??= { total: 0, since: now, from: done, last: now };
    if (now - this.lines.last < LINE_MS) return;
    this.lines.last = now;
    this.err.write(`${text}\n`);
  };

  /** Ends whatever bar or lines there are. */
  endProgress(): void {
    this.bar?.stop();
    this.bar = null;
    this.lines = null;
  }

  /** The command's last word: `text` for people, `value` for programs. */
  result(text: string, value: unknown): void {
    this.endProgress();
    process.stdout.write(this.json ? `${JSON.stringify(value)}\n` : `${text}\n`);
  }

  failure(error: InnateError): void {
    this.endProgress();
    this.err.write(`innate: ${error.describe()}\n`);
    if (this.json)
      process.stdout.write(
        `${JSON.stringify({ error: { code: error.code, message: error.message, ...error.detail } })}\n`,
      );
  }

  private show(format: string, done: number, total: number, text = ''): void {
    if (!this.bar) {
      this.bar = new cliProgress.SingleBar(
        {
          format,
          stream: process.stderr,
          clearOnComplete: true,
          linewrap: true, // otherwise switched off in the terminal, and left so by Ctrl-C
        },
        cliProgress.Presets.shades_classic,
      );
      this.bar.start(total, 0, { text });
    }
    this.bar.setTotal(total);
    this.bar.update(done, { text });
  }

  private line(done: number, total: number): void {
    const now = this.now();
    if (!this.lines || this.lines.total !== total || done < this.lines.from)
      this.lines = { total, since: now, from: done, last: now };
    const { since, from, last } = this.lines;
    if (done >= total) this.endProgress();
    else if (now - last >= LINE_MS) {
      this.lines.last = now;
      const pace = (now - since) / (done - from);
      const left = Number.isFinite(pace) ? `, ${duration((pace * (total - done)) / 1000)} left` : '';
      this.err.write(`${whole(done)} of ${whole(total)}${left}\n`);
    }
  }
}

/** 40 s, 12 min, 3 h 05 min. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${whole(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, '0')} min`;
}
