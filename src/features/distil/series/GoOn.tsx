import { Play } from 'lucide-react';
import { neededFiles } from '../../../state/distil/series/series';
import { useApp, useSeries } from '../../../state/react';
import { FileButton } from '../../../ui/FileButton';

/** Goes on with a series that waits; where its runs learn from a person's own files, it asks for them. */
export function GoOn() {
  const { controller } = useApp();
  const series = useSeries((s) => s.series);
  const files = series && neededFiles(series);
  if (files)
    return (
      <FileButton
        label={`Choose ${files.name} and go on`}
        className="primary"
        icon={Play}
        title="The page does not keep your images between visits"
        onFiles={(chosen) => void controller.distil.goOnWithSeries(chosen)}
      />
    );
  return (
    <button type="button" className="button primary" onClick={() => void controller.distil.goOnWithSeries()}>
      <Play aria-hidden />
      Go on
    </button>
  );
}
