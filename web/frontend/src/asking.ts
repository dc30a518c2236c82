// One question at a time, answered in a dialog.
export interface Question {
  question: string;
  names: string[];
  yes: string;
}

export interface Open extends Question {
  answer: (isYes: boolean) => void;
}

let show: (open: Open) => void = () => undefined;

export function onQuestion(listener: (open: Open) => void): void {
  show = listener;
}

export function ask(question: Question): Promise<boolean> {
  return new Promise((answer) => show({ ...question, answer }));
}
