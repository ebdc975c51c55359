import { type DragEvent, useState } from 'react';
import { areImages, imagesAmong } from '../../state/distil-setup';
import { useApp } from '../../state/react';
import { droppedFiles, hasFolder } from '../../ui/dropped-files';
import { DataChoice } from './DataChoice';
import { Interrupted } from './Interrupted';
import { MethodChoice } from './MethodChoice';
import { StartBar } from './StartBar';
import { TeacherChoice } from './TeacherChoice';

/** Teacher, data, method, and one button. Images may be dropped anywhere on it; a checkpoint goes its own way. */
export function SetupView() {
  const { controller } = useApp();
  const [refused, setRefused] = useState<string | null>(null);
  const onDrop = (event: DragEvent) => {
    const files = [...event.dataTransfer.files];
    if (hasFolder(event.dataTransfer)) {
      event.preventDefault();
      void droppedFiles(event.dataTransfer).then(
        (found) => {
          const usable = imagesAmong(found);
          setRefused(usable.length > 0 ? null : 'There are no images in this folder.');
          controller.distil.takeFiles(usable);
        },
        () => setRefused('This folder could not be read.'),
      );
      return;
    }
    if (!areImages(files)) {
      setRefused(files.length > 1 ? 'These files are not all images.' : null);
      if (files.length > 1) event.preventDefault();
      return;
    }
    event.preventDefault();
    setRefused(null);
    controller.distil.takeFiles(files);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut; the button Choose images does the same
    <div className="distil-setup" onDrop={onDrop}>
      <div className="setup-head">
        <p>
          <strong>Make a one-step generator.</strong> A diffusion teacher needs dozens of steps for an image.
          Here its copy learns to do it in one, from real images, while you watch. Press Start; the defaults
          are ready.
        </p>
        <Interrupted />
      </div>
      <div className="setup-columns">
        <TeacherChoice />
        <DataChoice refused={refused} />
        <MethodChoice />
      </div>
      <StartBar />
    </div>
  );
}
