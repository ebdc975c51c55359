import { formatMs, formatWhole } from '../../../ui/format';
import { usePlayer } from './use-player';

/** What a frame takes, and how many of the path are made. */
export default function PathReading() {
  const { ms, made, total } = usePlayer(({ ms, made, total }) => ({ ms, made, total }));
  if (ms === null) return <p className="toolbar-text">No frames yet</p>;
  return (
    <div className="toolbar-reading">
      <p className="reading">
        {formatMs(ms)}
        <small>ms a frame</small>
      </p>
      <p className="toolbar-text">
        {formatWhole(made)} of {formatWhole(total)} made
      </p>
    </div>
  );
}
