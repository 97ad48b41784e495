// Opens a page where there is a desktop and somebody in front of it.
import { spawn } from 'node:child_process'

export function openInBrowser(url) {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env
  if (!process.stdout.isTTY || !(DISPLAY || WAYLAND_DISPLAY)) return
  // Without xdg-open the address that was printed has to do.
  spawn('xdg-open', [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
