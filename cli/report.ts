import cliProgress from 'cli-progress';
import type { ActiveBackend } from '../src/gpu/backends';
import type { InnateError } from '../src/lib/errors';

/** What a command says: a progress bar and notes on stderr, its result on stdout. */
export class Report {
  private bar: cliProgress.SingleBar | null = null;

  constructor(private readonly json: boolean) {}

  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`);
  }

  backend(active: ActiveBackend): void {
    this.note(`running on ${active.name}: ${active.label}`);
  }

  /** Only on a terminal; a no-op in pipes and with --json. */
  progress = (done: number, total: number): void => {
    if (this.json || !process.stderr.isTTY || total === 0) return;
    if (!this.bar) {
      this.bar = new cliProgress.SingleBar(
        {
          format: '{bar} {value}/{total} {eta_formatted} left',
          stream: process.stderr,
          clearOnComplete: true,
          linewrap: true, // otherwise switched off in the terminal, and left so by Ctrl-C
        },
        cliProgress.Presets.shades_classic,
      );
      this.bar.start(total, 0);
    }
    this.bar.setTotal(total);
    this.bar.update(done);
    if (done >= total) this.endProgress();
  };

  endProgress(): void {
    this.bar?.stop();
    this.bar = null;
  }

  /** The command's last word: `text` for people, `value` for programs. */
  result(text: string, value: unknown): void {
    this.endProgress();
    process.stdout.write(this.json ? `${JSON.stringify(value)}\n` : `${text}\n`);
  }

  failure(error: InnateError): void {
    this.endProgress();
    process.stderr.write(`innate: ${error.describe()}\n`);
    if (this.json)
      process.stdout.write(
        `${JSON.stringify({ error: { code: error.code, message: error.message, ...error.detail } })}\n`,
      );
  }
}
