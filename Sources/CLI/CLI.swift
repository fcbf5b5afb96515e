import ArgumentParser
@main struct CLICommand: AsyncParsableCommand { }
