/** An entry of the old drag-and-drop interface that every browser has; a folder comes as one. */
interface Entry {
  isFile: boolean;
  fullPath: string;
  file(resolve: (file: File) => void, reject: (error: unknown) => void): void;
  createReader(): {
    readEntries(resolve: (entries: Entry[]) => void, reject: (error: unknown) => void): void;
  };
}

/** What was dropped, folders opened; files of folders are named by their path, which may carry their class. */
export async function droppedFiles({ items }: DataTransfer): Promise<File[]> {
  // At once: the list is gone after the event. What is no entry of a file system may still be a file.
  const found = [...items].map((item) => {
    const entry = item.webkitGetAsEntry() as unknown as Entry | null;
    return entry ? filesOf(entry, false) : Promise.resolve(item.getAsFile() ?? []);
  });
  return (await Promise.all(found)).flat();
}

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
