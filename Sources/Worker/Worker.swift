import ArgumentParser
@main struct WorkerCommand: AsyncParsableCommand { }
