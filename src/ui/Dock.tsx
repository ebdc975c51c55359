import type { ReactNode } from 'react';
import './Slider.css';
import './Dock.css'; // behind the sliders' sheet, which it changes

/** Sliders that stay at hand: on a phone they lie fixed above the tabs, without their scales. */
export function Dock({ children }: { children: ReactNode }) {
  return <div className="dock">{children}</div>;
}
