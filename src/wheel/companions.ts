/**
 * Packages of torch's own release, built against it: one of another place's build does not load beside it.
 * src/probe/torch_facts.py asks each of them whether it works.
 */
export const COMPANIONS = ["torchvision", "torchaudio", "torchcodec"] as const;

/** torch, and what is compiled against one torch and must come from torch's own index. */
export const TORCH_FAMILY: readonly string[] = ["torch", ...COMPANIONS];

/** True for the normalized name of one of {@link COMPANIONS}. */
export const isCompanion = (name: string): boolean => (COMPANIONS as readonly string[]).includes(name);
