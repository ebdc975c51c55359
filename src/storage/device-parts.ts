import { folderName } from './device-models';
import type { DownloadRecord, RecordPlace } from './download/record';
import { parseRecord } from './download/record';
import {
  type Folder,
  namesIn,
  type OpenFile,
  openFile,
  privateFolder,
  readFile,
  remove,
  slotPlaces,
  subFolder,
  writeFile,
} from './opfs';
import { SlotPair } from './slots';

const DATA = 'part';
const RECORD = 'record';
const WANTED = 'wanted.json';

/** A download that was begun: what was asked for, as it was written down, and how far it came. */
export interface DevicePart {
  /** Text of what was asked for. */
  wanted: string;
  record: DownloadRecord | null;
  /** Bytes on the disk. */
  bytes: number;
}

/** Downloads that are not whole or not converted yet: `downloads/ID/` with the bytes, their record, and what was wanted. */
export class DeviceParts {
  constructor(private readonly open: () => Promise<Folder | null> = () => privateFolder('downloads')) {}

  async list(): Promise<DevicePart[]> {
    const root = await this.open();
    const parts: DevicePart[] = [];
    for (const name of root ? await namesIn(root) : []) {
      const folder = await subFolder(root!, name);
      const wanted = await (await readFile(folder, WANTED).catch(() => null))?.text();
      if (wanted === undefined) {
        await remove(root!, name).catch(() => {}); // it was broken off before it began
        continue;
      }
      const bytes = (await readFile(folder, DATA).catch(() => null))?.size ?? 0;
      parts.push({ wanted, record: parseRecord(await recordIn(folder).load()), bytes });
    }
    return parts;
  }

  /** Where the bytes of a download go. Null where this browser keeps no files. The caller closes the file. */
  async begin(id: string, wanted: string): Promise<{ file: OpenFile; record: RecordPlace } | null> {
    const root = await this.open();
    if (!root) return null;
    const folder = await subFolder(root, folderName(id));
    await writeFile(folder, WANTED, [new TextEncoder().encode(wanted)]);
    return { file: await openFile(folder, DATA), record: recordIn(folder) };
  }

  async remove(id: string): Promise<void> {
    const root = await this.open();
    if (root) await remove(root, folderName(id));
  }
}

function recordIn(folder: Folder): RecordPlace {
  const slots = new SlotPair(slotPlaces(folder, RECORD));
  return {
    async load() {
      const payload = await slots.load();
      return payload && new TextDecoder().decode(payload.read(0, payload.size));
    },
    async save(text) {
      await slots.save([new TextEncoder().encode(text)]);
    },
  };
}
