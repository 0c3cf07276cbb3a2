import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { readShared } from "../../host/regular-files.ts";

/** A wheel file, whole. @param shown how the user named it @throws E_WHEEL_FILE */
export async function readWheelFile(path: string, shown = path): Promise<Uint8Array> {
  try {
    return await readShared(path);
  } catch (thrown) {
    throw wheelsError("E_WHEEL_FILE", { wheel: shown, detail: messageOf(thrown) }, thrown);
  }
}
