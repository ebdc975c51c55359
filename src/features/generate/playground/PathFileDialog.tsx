import { useEffect, useState } from 'react';
import { counted } from '../../../lib/words';
import type { VideoKind } from '../../../protocol/exports';
import type { PathFile } from '../../../state/export/path';
import { useApp } from '../../../state/react';
import { Dialog } from '../../../ui/Dialog';
import { Stepper } from '../../../ui/Stepper';
import './export.css';
import { usePlayer } from './use-player';

interface Props {
  kind: PathFile;
  onClose: () => void;
}

const TITLES: Record<PathFile, string> = {
  gif: 'Path as GIF',
  video: 'Path as video',
  frames: 'Frames of the path',
};

/** Sides of files that people post. */
const WANTED = 512;
const LARGEST = 2048;
/** Browsers show a frame of a GIF for two hundredths of a second at least. */
const GIF_FPS = 50;

/** How large a file of the path is to be, and what it will be. */
export function PathFileDialog({ kind, onClose }: Props) {
  const { controller } = useApp();
  const { path, view, total } = usePlayer((state) => state);
  const resolution = path?.model.resolution ?? 64;
  const [chosen, setScale] = useState<number | null>(null); // the path may be known a moment later
  const scale = chosen ?? (kind === 'frames' ? 1 : Math.max(1, Math.floor(WANTED / resolution)));
  const video = useVideoKind(kind, scale);
  if (!path || !view) return null;
  const side = resolution * scale;
  const none = kind === 'video' && video === null;
  return (
    <Dialog title={TITLES[kind]} onClose={onClose}>
      <form
        className="export-dialog"
        onSubmit={async (event) => {
          event.preventDefault();
          onClose();
          void (await controller.playground.exporter()).savePath(kind, scale);
        }}
      >
        <div className="field">
          <span>
            Scale <span className="caption">{`${side} × ${side}`}</span>
          </span>
          <Stepper
            label="Scale"
            fewer="Smaller"
            more="Larger"
            value={scale}
            min={1}
            max={Math.max(1, Math.floor(LARGEST / resolution))}
            onChange={setScale}
          />
        </div>
        <p className="caption">
          {counted(total, 'frame')}
          {kind !== 'frames' && `, ${(total / view.fps).toFixed(1)} s at ${view.fps} a second`}.{' '}
          {kind === 'gif' && gifWords(view.fps, view.loop)}
          {kind === 'video' && videoWords(video)}
          {kind === 'frames' && 'A PNG each, with a link to its place on the path inside.'}
        </p>
        <div className="export-actions">
          <button type="submit" className="button primary" data-autofocus disabled={none}>
            {kind === 'video' && video ? `Export ${video.container === 'mp4' ? 'MP4' : 'WebM'}` : 'Export'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function gifWords(fps: number, loop: boolean): string {
  const rate = fps > GIF_FPS ? ` A GIF shows ${GIF_FPS} frames a second at most.` : '';
  return `256 colours a frame; it ${loop ? 'plays again and again' : 'plays once'}.${rate}`;
}

function videoWords(video: VideoKind | undefined): string {
  if (video === undefined) return 'Asking the browser for its encoder.';
  if (video === null)
    return 'This browser has no encoder for it: export a GIF or the frames, or use Chrome, Edge or Safari.';
  if (video.container === 'mp4') return `MP4 with ${video.codec}.`;
  return `WebM with ${video.codec}: this browser does not encode H.264.`;
}

/** How the browser would write the video; undefined until it has said. */
function useVideoKind(kind: PathFile, scale: number): VideoKind | undefined {
  const { controller } = useApp();
  const [video, setVideo] = useState<VideoKind | undefined>(undefined);
  useEffect(() => {
    if (kind !== 'video') return;
    let current = true;
    void controller.playground
      .exporter()
      .then((exporter) => exporter.videoKind(scale))
      .then(
        (found) => current && setVideo(found),
        () => current && setVideo(null),
      );
    return () => {
      current = false;
    };
  }, [controller, kind, scale]);
  return video;
}
