import { Component, type ReactNode } from "react";
import { errorMessage } from "./shared/errorMessage";
import { Failure } from "./shared/Failure";

/** Keeps the page when an example fails, for example because a query throws, and shows the error. */
export class FailureBoundary extends Component<{ children: ReactNode }, { failure: string | undefined }> {
  override state = { failure: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { failure: errorMessage(error) };
  }

  override render() {
    const { failure } = this.state;
    return failure === undefined ? this.props.children : <Failure message={failure} />;
  }
}
