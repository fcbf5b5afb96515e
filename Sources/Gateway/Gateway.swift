import ArgumentParser

@main struct GatewayCommand: AsyncParsableCommand {}
