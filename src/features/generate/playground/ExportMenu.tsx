import { Download } from 'lucide-react';
import { useStore } from 'zustand';
import { counted } from '../../../lib/words';
import { MOST_IMAGES } from '../../../state/export/many';
import type { PathFile } from '../../../state/export/path';
import { sheetScale, sheetSize } from '../../../state/export/sheet';
import { useApp, useModel, useView } from '../../../state/react';
import { copyText } from '../../../ui/copy-text';
import { formatWhole } from '../../../ui/format';
import { Menu, type MenuItem } from '../../../ui/Menu';
import { gridColumns } from '../grid-columns';
import { usePlayer } from './use-player';

/** What can be taken away: the picture and the grid, the path, the data. */
export default function ExportMenu() {
  const groups = [useImageItems(), usePathItems(), useDataItems()];
  return <Menu label="Export" icon={<Download aria-hidden />} groups={groups} />;
}

function useImageItems(): MenuItem[] {
  const { controller, stores } = useApp();
  const { playground } = controller;
  const onPath = useView((v) => v.path !== '');
  const count = useStore(stores.images, (s) => s.images.length);
  const first = useStore(stores.images, (s) => s.images[0]?.resolution ?? null);
  const obstacle = first === null ? 'no images yet' : null;
  const side = (first ?? 1) * sheetScale(first ?? 1);
  const { width, height } = sheetSize(count, gridColumns(), side);
  return [
    {
      id: 'png',
      name: onPath ? 'Frame, PNG' : 'Selected image, PNG',
      note: 'settings inside',
      obstacle: onPath ? null : obstacle,
      onChoose: async () => (await playground.exporter()).saveShown(),
    },
    {
      id: 'grid',
      name: 'Grid, PNG',
      note: `${formatWhole(width)} × ${formatWhole(height)}`,
      obstacle: onPath ? 'not on a path' : obstacle,
      onChoose: async () => (await playground.exporter()).saveGrid(gridColumns()),
    },
  ];
}

function usePathItems(): MenuItem[] {
  const { stores } = useApp();
  const ask = (asked: PathFile) => stores.asked.setState({ asked });
  const total = usePlayer(({ total }) => total);
  const obstacle = total > 0 ? null : 'no path';
  const frames = counted(total, 'frame');
  return [
    { id: 'video', name: 'Path, video', note: frames, obstacle, onChoose: () => ask('video') },
    { id: 'gif', name: 'Path, GIF', note: frames, obstacle, onChoose: () => ask('gif') },
    { id: 'frames', name: 'Path, frames in a zip', note: frames, obstacle, onChoose: () => ask('frames') },
  ];
}

function useDataItems(): MenuItem[] {
  const { announce, controller, stores } = useApp();
  const model = useModel();
  const onPath = useView((v) => v.path !== '');
  const images = useStore(stores.images, (s) => s.images);
  const made = images.filter((image) => image !== null);
  const side = made[0]?.resolution ?? model?.resolution ?? 0;
  return [
    {
      id: 'npz',
      name: 'Arrays, npz',
      note: `${made.length} × ${side} × ${side} × ${model?.channels ?? 3}`,
      obstacle: onPath ? 'not on a path' : made.length > 0 ? null : 'no images yet',
      onChoose: async () => (await controller.playground.exporter()).saveNpz(),
    },
    {
      id: 'many',
      name: 'Many images, zip',
      note: `up to ${formatWhole(MOST_IMAGES)}`,
      obstacle: model ? null : 'no model yet',
      onChoose: () => stores.asked.setState({ asked: 'many' }),
    },
    {
      id: 'link',
      name: 'Link to this view',
      note: 'L',
      onChoose: async () =>
        announce(
          (await copyText(controller.link()))
            ? 'Link copied'
            : 'The browser did not allow copying. The link is in the address bar',
        ),
    },
  ];
}
