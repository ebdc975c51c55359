import type { RowState } from './rows';

/** Tabs of one browser tell each other how their downloads are. */
export type TabMessage =
  | { type: 'row'; id: string; state: RowState }
  | { type: 'cancel'; id: string }
  /** Something has come, ended or gone. */
  | { type: 'changed' };

export type TabChannel = Pick<BroadcastChannel, 'postMessage' | 'onmessage'>;

interface Hears {
  row(id: string, state: RowState): void;
  cancel(id: string): void;
  changed(): void;
}

/** The other tabs of this browser. */
export class OtherTabs {
  constructor(
    private readonly channel: TabChannel | null,
    hears: Hears,
  ) {
    if (!channel) return;
    channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      if (data.type === 'row') hears.row(data.id, data.state);
      else if (data.type === 'cancel') hears.cancel(data.id);
      else hears.changed();
    };
  }

  row(id: string, state: RowState): void {
    this.say({ type: 'row', id, state });
  }

  cancel(id: string): void {
    this.say({ type: 'cancel', id });
  }

  changed(): void {
    this.say({ type: 'changed' });
  }

  private say(message: TabMessage): void {
    this.channel?.postMessage(message);
  }
}
