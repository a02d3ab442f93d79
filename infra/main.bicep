// A resource group with everything that a durable function app needs; app.bicep has its content.
// Deploy it with `azd up`, or with `az deployment sub create --template-file infra/main.bicep`.
// main.parameters.json binds the parameters to azd's environment.

targetScope = 'subscription'

@description('The name of the azd environment; it becomes part of the names, and a tag.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('The Azure region; Flex Consumption is not in all of them.')
@minLength(1)
param location string

@description('The Python of the function app.')
@allowed([
  '3.11'
  '3.12'
  '3.13'
])
param pythonVersion string = '3.13'

@description('Memory of one instance in MB; its share of a CPU grows with it.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

// For each group of functions, and Azure does not promise it as a hard limit: no code may take it
// for mutual exclusion. Sources disagree whether Azure accepts less than 40.
@description('How many instances on demand each group of functions may have at most.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

// The platform gives a Python app one request at a time and instance, and would start an instance
// for each caller who waits. Starters and management requests wait for storage on one event loop.
@description('How many HTTP requests one instance takes at once.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

// 0 is the cheapest: after about half a minute without work an app has no instance, and the next
// message waits for the scale controller and a cold start. Each group costs instances of its own.
@description('How many instances of each group in alwaysReadyGroups run without work.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

// `http` is one group for all HTTP functions; every queue function is a group of its own. With
// partitionCount above 1 in host.json, each further durable_control_NN belongs here.
@description('The groups that alwaysReadyInstances counts for.')
param alwaysReadyGroups array = [
  'http'
  'function:durable_control_00'
  'function:durable_workitems'
  'function:durable_timers'
]

// The account holds the only copy of every history: ZRS survives the loss of a zone, where the
// region has zones.
@description('The redundancy of the storage account.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
])
param storageSku string = 'Standard_LRS'

// azd finds its resources by this tag.
var tags = {
  'azd-env-name': environmentName
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module app 'app.bicep' = {
  name: 'durable-app'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    alwaysReadyInstances: alwaysReadyInstances
    alwaysReadyGroups: alwaysReadyGroups
    storageSku: storageSku
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = app.outputs.functionAppName
output FUNCTION_APP_URL string = app.outputs.functionAppUrl
output STORAGE_ACCOUNT_NAME string = app.outputs.storageAccountName
output APPLICATION_INSIGHTS_NAME string = app.outputs.applicationInsightsName
