import ArgumentParser
@main struct ConfigServiceCommand: AsyncParsableCommand { }
