/** Of the old drag-and-drop interface that every browser has; a folder comes as an entry. */
interface Entry {
  isFile: boolean;
  fullPath: string;
  file(resolve: (file: File) => void, reject: (error: unknown) => void): void;
  createReader(): {
    readEntries(resolve: (entries: Entry[]) => void, reject: (error: unknown) => void): void;
  };
}

/** A folder is among what was dropped. */
export const hasFolder = ({ items }: DataTransfer): boolean =>
  entriesOf(items).some((entry) => !entry.isFile);

/** What was dropped, folders opened; files of folders are named by their path, which may carry their class. */
export async function droppedFiles({ items }: DataTransfer): Promise<File[]> {
  const entries = entriesOf(items); // at once: the list is gone after the event
  return (await Promise.all(entries.map((entry) => filesOf(entry, false)))).flat();
}

const entriesOf = (items: DataTransferItemList): Entry[] =>
  [...items].flatMap((item) => (item.webkitGetAsEntry() as unknown as Entry | null) ?? []);

async function filesOf(entry: Entry, inside: boolean): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [inside ? new File([file], entry.fullPath.replace(/^\//, ''), { type: file.type }) : file];
  }
  const reader = entry.createReader();
  const files: File[] = [];
  for (;;) {
    const some = await new Promise<Entry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return files; // a reader gives a hundred at a time
    files.push(...(await Promise.all(some.map((child) => filesOf(child, true)))).flat());
  }
}
