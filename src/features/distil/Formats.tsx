import { Download } from 'lucide-react';
import { useApp } from '../../state/react';
import { saveBlob } from '../../ui/save-blob';
import './formats.css';

interface Props<Format extends string> {
  /** What the file is called, in words. */
  name: string;
  formats: readonly Format[];
  /** What a button does, for screen readers. */
  label: (format: Format) => string;
  make: (format: Format) => Blob | Promise<Blob>;
}

/** A button for each format in which something can be saved. */
export function Formats<Format extends string>({ name, formats, label, make }: Props<Format>) {
  const { announce } = useApp();
  const stem = name.toLowerCase().replace(/[^\w.-]+/g, '-');
  const save = async (format: Format) => {
    saveBlob(await make(format), `${stem}.${format}`);
    announce(`${stem}.${format} saved`);
  };
  return (
    <span className="formats">
      {formats.map((format) => (
        <button
          key={format}
          type="button"
          className="button"
          aria-label={label(format)}
          onClick={() => void save(format)}
        >
          <Download aria-hidden />
          {format}
        </button>
      ))}
    </span>
  );
}
