// What this browser remembers of how the person wants things shown.
import { useState } from "preact/hooks";

const PREFIX = "aios.";

export function remembered(name: string, otherwise: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? otherwise;
  } catch {
    return otherwise; // storage is refused: nothing is remembered
  }
}

function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // the same
  }
  dispatchEvent(new Event("preference"));
}

export function usePreference(name: string, otherwise: string): [string, (value: string) => void] {
  const [value, setValue] = useState(() => remembered(name, otherwise));
  const set = (next: string): void => {
    setValue(next);
    remember(name, next);
  };
  return [value, set];
}

function applyTheme(): void {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

export function isDark(): boolean {
  const theme = remembered("theme", "system");
  return theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}

export function followTheme(): void {
  applyTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    applyTheme();
    dispatchEvent(new Event("preference"));
  });
  addEventListener("preference", applyTheme);
  addEventListener("storage", () => dispatchEvent(new Event("preference"))); // of another tab
}
