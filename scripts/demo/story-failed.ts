/** The system did something else than the story says. */
export class StoryFailed extends Error {
  override readonly name = 'StoryFailed';
}
