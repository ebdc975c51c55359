import { Upload } from 'lucide-react';
import { sentence } from '../../lib/words';
import { useApp, useEngine, usePrefs } from '../../state/react';
import { BackendChoice } from '../../ui/BackendChoice';
import { Facts } from '../../ui/Facts';
import { formatBytes } from '../../ui/format';
import { PrecisionChoice } from '../../ui/PrecisionChoice';
import { TileChoice } from '../../ui/TileChoice';
import { MeasureStorage } from './MeasureStorage';
import { Storage } from './Storage';

/** Where files come in, and what they run on. */
export function MachinePanel({ onChooseFile }: { onChooseFile: () => void }) {
  return (
    <aside className="models-side" aria-label="This machine">
      <div className="drop-area">
        <Upload aria-hidden />
        <div>
          <h3>Drop a checkpoint</h3>
          <p className="secondary">
            Drop a .pkl, .pt or .safetensors file of an EDM-family network anywhere on the page.
          </p>
        </div>
        <button type="button" className="button primary" onClick={onChooseFile}>
          Choose a file
        </button>
        <p className="caption">
          The file stays on this machine and is forgotten when the page closes, unless you keep it. A pickle
          is read as data; nothing in it is run.
        </p>
      </div>
      <p className="caption">
        FIDs are what the authors of a model report, each with its source. FD is measured by this project on
        the features named beside it; its floor is the distance between two sets of real images. The two do
        not compare.
      </p>
      <Storage />
      <MeasureStorage />
      <Machine />
    </aside>
  );
}

function Machine() {
  const { controller } = useApp();
  const preference = usePrefs((p) => p.backend);
  const precision = usePrefs((p) => p.precision);
  const tiles = usePrefs((p) => p.tiles);
  const status = useEngine((s) => s.status);
  const backend = status?.backend;
  const webgpu = backend?.name === 'webgpu';
  return (
    <>
      <h3>This machine</h3>
      <Facts
        facts={[
          ['Runs on', backend ? (webgpu ? backend.label : `CPU, ${backend.label}`) : 'Not known yet'],
          ['Through', backend ? (webgpu ? 'WebGPU' : 'WebAssembly') : ''],
          ['Memory in use', status ? formatBytes(status.memoryBytes) : ''],
          [
            'WebAssembly threads',
            status ? (status.crossOriginIsolated ? 'Allowed' : 'Not allowed by this host') : '',
          ],
        ]}
      />
      <div className="field">
        <span>Run on</span>
        <BackendChoice value={preference} onChange={(value) => void controller.chooseBackend(value)} />
      </div>
      {webgpu && (
        <div className="field">
          <span>
            Weights on the GPU{status?.precision && `: ${status.precision === 'f16' ? 'float16' : 'float32'}`}
          </span>
          <PrecisionChoice value={precision} onChange={(value) => void controller.choosePrecision(value)} />
        </div>
      )}
      {webgpu && (
        <div className="field">
          <span>Kernels</span>
          <TileChoice value={tiles} onChange={(value) => void controller.chooseTiles(value)} />
        </div>
      )}
      {status?.kernels && <p className="secondary">{sentence(status.kernels)}.</p>}
      {status?.webgpuReason && <p className="secondary">{status.webgpuReason}</p>}
    </>
  );
}
