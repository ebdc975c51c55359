import { DataChoice } from './DataChoice';
import { Interrupted } from './Interrupted';
import { MethodChoice } from './MethodChoice';
import { StartBar } from './StartBar';
import { TeacherChoice } from './TeacherChoice';

/** Teacher, data, method, and one button. Images may be dropped anywhere on the page. */
export function SetupView() {
  return (
    <div className="distil-setup">
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
        <DataChoice />
        <MethodChoice />
      </div>
      <StartBar />
    </div>
  );
}
