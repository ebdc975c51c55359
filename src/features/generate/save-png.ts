import type { MadeImage } from '../../state/generate/images';

/** Saves an image with its own pixels, one to one. */
export async function savePng(image: MadeImage): Promise<void> {
  const { resolution, pixels } = image;
  const canvas = document.createElement('canvas');
  canvas.width = resolution;
  canvas.height = resolution;
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, resolution, resolution), 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName(image);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the download has started by then
}

function fileName({ recipe }: Pick<MadeImage, 'recipe'>): string {
  const name = [
    recipe.modelKey,
    'seed',
    recipe.seed,
    ...(recipe.className ? ['class', recipe.className] : []),
  ];
  return `${name
    .join('-')
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 120)}.png`;
}
