/** What a worker's owner hears of it. */
interface Hearing<Message> {
  message(message: Message): void;
  /** It died, with everything that waits for it; `found` is what the browser says, where it says something. */
  death(detail: { found?: string }): void;
}

/** A worker of one purpose: made when something is first sent to it, and again where it died. */
export class RevivedWorker<Message> {
  private worker: Worker | null = null;

  constructor(
    private readonly make: () => Worker,
    private readonly hearing: Hearing<Message>,
  ) {}

  post(message: unknown, transfer: Transferable[] = []): void {
    this.ready().postMessage(message, transfer);
  }

  private ready(): Worker {
    if (this.worker) return this.worker;
    const worker = this.make();
    worker.onmessage = ({ data }: MessageEvent<Message>) => this.hearing.message(data);
    worker.onerror = (event) => this.died(event);
    worker.onmessageerror = (event) => this.died(event);
    this.worker = worker;
    return worker;
  }

  private died(event: ErrorEvent | MessageEvent): void {
    event.preventDefault?.();
    this.worker?.terminate();
    this.worker = null;
    this.hearing.death('message' in event && event.message ? { found: event.message } : {});
  }
}
