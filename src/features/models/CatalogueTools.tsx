import { Search } from 'lucide-react';
import { useId } from 'react';
import { counted } from '../../lib/words';
import type { DataSetSection, Filter } from '../../state/models/browse';

interface Props {
  /** All of them, whatever is searched. */
  sections: readonly DataSetSection[];
  filter: Filter;
  onFilter: (filter: Filter) => void;
  /** Models that pass the filter. */
  found: number;
}

/** Search, the data sets to jump to, and what is on this device; stays in view. */
export function CatalogueTools({ sections, filter, onFilter, found }: Props) {
  const id = useId();
  const all = sections.reduce((sum, s) => sum + countOf(s), 0);
  const searches = filter.here || filter.text.trim() !== '';
  return (
    <search className="find">
      <label className="search" htmlFor={id}>
        <Search aria-hidden />
        <span className="hidden-text">Search models</span>
        <input
          id={id}
          type="search"
          placeholder={`Search ${all} models`}
          value={filter.text}
          onChange={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
        />
      </label>
      <nav className="jump" aria-label="Data sets">
        {sections.map((section) => (
          <button key={section.id} type="button" onClick={() => jumpTo(section.id)}>
            {section.title}
          </button>
        ))}
      </nav>
      <label className="check">
        <input
          type="checkbox"
          checked={filter.here}
          onChange={(event) => onFilter({ ...filter, here: event.currentTarget.checked })}
        />
        On this device
      </label>
      <span aria-live="polite" className="hidden-text">
        {searches ? `${counted(found, 'model')} found` : ''}
      </span>
    </search>
  );
}

/** Shipped ones count one by one, as they are used one by one. */
export const countOf = ({ pairs, rows }: DataSetSection): number =>
  rows.length + pairs.reduce((sum, p) => sum + Number(p.student !== null) + Number(p.teacher !== null), 0);

export const sectionId = (id: string): string => `models-of-${id}`;

/** The heading takes the focus, so that reading and tabbing go on there. */
function jumpTo(id: string): void {
  const heading = document.getElementById(`${sectionId(id)}-title`);
  heading?.closest('section')?.scrollIntoView({ block: 'start' });
  heading?.focus({ preventScroll: true });
}
