import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { bestFew, type DataSetSection } from '../../state/models/browse';
import type { RowStates } from '../../state/models/rows';
import { sectionId } from './CatalogueTools';
import { PublicTable } from './PublicTable';
import { ShippedPair } from './ShippedPair';

interface Props {
  section: DataSetSection;
  states: RowStates;
  /** Something is searched: nothing that was found stays folded. */
  searched: boolean;
}

/** One data set: the pair that comes with the page, which works at once, and the public models. */
export function DataSet({ section, states, searched }: Props) {
  const [open, setOpen] = useState(false);
  const { id, title, about, pairs, rows } = section;
  const shown = open || searched ? rows : bestFew(rows, states);
  const more = rows.length - shown.length;
  const anchor = sectionId(id);
  return (
    <section className="data-set" aria-labelledby={`${anchor}-title`}>
      <div className="data-set-head">
        <h2 id={`${anchor}-title`} tabIndex={-1}>
          {title}
        </h2>
        {about && <span className="caption">{about}</span>}
      </div>
      <div className={pairs.length === 0 ? 'data-set-body alone' : 'data-set-body'}>
        {pairs.length > 0 && (
          <div className="pairs">
            {pairs.map((pair) => (
              <ShippedPair key={(pair.student ?? pair.teacher)!.id} pair={pair} />
            ))}
          </div>
        )}
        {rows.length > 0 && (
          <div>
            <PublicTable section={section} rows={shown} states={states} />
            {more > 0 && (
              <button
                type="button"
                className="button quiet more"
                aria-label={`${inWords(more)} more of ${title}`}
                onClick={() => setOpen(true)}
              >
                {inWords(more)} more
                <ChevronDown aria-hidden />
              </button>
            )}
          </div>
        )}
      </div>
    </section>
  );
}

const WORDS = 'Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve'.split(' ');
const inWords = (count: number): string => WORDS[count] ?? String(count);
